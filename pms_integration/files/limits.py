"""What one file may be: each bound, named once."""

from typing import Final

from products.models import MAX_VARIANTS

# A million lines of Shopify's with descriptions take about half of it.
MAX_FILE_BYTES: Final = 1024 * 1024 * 1024
# What a request has around its file.
MAX_FORM_BYTES: Final = MAX_FILE_BYTES + 64 * 1024
# A record is a line, or several where a quoted cell has line breaks. The longest description fits, be it of characters
# of four bytes or of quotes, which are written twice, and in JSON with it its 2,048 variants.
MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
# Behind quotes that are not closed, beside as much as has been read for good: otherwise a file in which every line
# opens one would be read once for each of its lines.
MAX_BYTES_READ_AGAIN: Final = 4 * MAX_RECORD_BYTES
# Of all lines of a product.
MAX_PRODUCT_BYTES: Final = 8 * 1024 * 1024
MAX_COLUMNS: Final = 500
MAX_IMAGES: Final = 250
# Every variant and every picture may have a line of its own.
MAX_LINES_PER_PRODUCT: Final = MAX_VARIANTS + MAX_IMAGES
# A file with more bad lines is not what it was taken for.
MAX_ERRORS: Final = 10_000
# What is noted beyond these is counted only.
MAX_WARNINGS: Final = 1_000
# How many of each stand in an answer; the errors can all be downloaded.
SHOWN_PROBLEMS: Final = 100

# What is written in one transaction: whichever comes first.
CHUNK_PRODUCTS: Final = 500
CHUNK_LINES: Final = 2_000
CHUNK_BYTES: Final = 8 * 1024 * 1024

# How long a claim is believed of a job whose row nobody has locked.
LEASE_SECONDS: Final = 10.0
# How often it is renewed while nothing is written.
RENEWAL_SECONDS: Final = 2.0
# Other imports are let in after so long.
SLICE_SECONDS: Final = 30.0
# Attempts in a row that did not come past the same place.
MAX_ATTEMPTS: Final = 5
KEPT_FILE_DAYS: Final = 7
EXPORT_CHUNK: Final = 500
