"""The limits of imports and exports."""

from typing import Final

from products.images.limits import MAX_IMAGES
from products.models import MAX_VARIANTS

# A million lines of a Shopify export with descriptions take about half of it.
MAX_FILE_BYTES: Final = 1024 * 1024 * 1024
# The file and the other parts of the multipart request.
MAX_FORM_BYTES: Final = MAX_FILE_BYTES + 64 * 1024
# A record is one line, or several if a quoted cell has line breaks. The longest description fits, even with characters
# of four bytes or with quotes, which are doubled; in JSON together with its 2,048 variants.
MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
# Bytes after unclosed quotes that are read again, in addition to those read once: otherwise a file in which every line
# opens a quote would be read once for each of its lines.
MAX_BYTES_READ_AGAIN: Final = 4 * MAX_RECORD_BYTES
# All lines of a product.
MAX_PRODUCT_BYTES: Final = 8 * 1024 * 1024
MAX_COLUMNS: Final = 500
# Every variant and every picture may have a line of its own.
MAX_LINES_PER_PRODUCT: Final = MAX_VARIANTS + MAX_IMAGES
# An import with more errors fails: the file is probably not a product file.
MAX_ERRORS: Final = 10_000
# Further warnings are only counted.
MAX_WARNINGS: Final = 10_000
# The errors and the warnings in a response; all errors can be downloaded.
SHOWN_PROBLEMS: Final = 100
# Of each action (create, update, none, refuse) the results of the first products are stored; the counts are exact.
MAX_RESULTS: Final = 5_000
# A value of a product that is longer is cut.
MAX_SHOWN_VALUE: Final = 500
# So many products that stand before it in the file are previewed again together with a part of it, at most, and about
# `CHUNK_BYTES` of them.
MAX_EARLIER_PRODUCTS: Final = 500
# So many times a part is previewed again, since its products have come to have a name of an earlier one.
MAX_PREVIEWS_AGAIN: Final = 3
# Of categories that a preview would make, kept for its later parts.
MAX_PLANNED_CATEGORIES: Final = 5_000

# The limits of one transaction.
CHUNK_PRODUCTS: Final = 500
CHUNK_LINES: Final = 2_000
CHUNK_BYTES: Final = 8 * 1024 * 1024

# How long a lease is valid while the row of the import is not locked.
LEASE_SECONDS: Final = 10.0
# Another import gets its turn after this time.
SLICE_SECONDS: Final = 30.0
# How often the lease is renewed while nothing is written.
RENEWAL_SECONDS: Final = 2.0
# Attempts in a row that did not advance.
MAX_ATTEMPTS: Final = 5
# Of the file and of the results.
FILE_RETENTION_DAYS: Final = 7
EXPORT_CHUNK: Final = 500
