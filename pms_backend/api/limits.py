"""What one request may cost, and leave behind: each bound of the outermost layers, named once.

The web server bounds the rest (`pms_backend/web_server/limits.py`): how many connections there may be, and how long a
client may take to send its request.
"""

from typing import Final

# A bulk of 10,000 rows fits with room.
MAX_BODY_BYTES: Final = 10 * 1024 * 1024
# A form with a file in it, where the view says that it takes one so large.
MAX_UPLOAD_BYTES: Final = 1024**3 + 64 * 1024
# orjson reads more levels than the 254 that it writes: what is stored deeper could not be shown again.
MAX_JSON_DEPTH: Final = 64
# Path and query, as they came. A cursor and a dozen filters fit with room.
MAX_URL_BYTES: Final = 8 * 1024
MAX_QUERY_PARAMETERS: Final = 100
# All headers together, names included.
MAX_HEADER_BYTES: Final = 32 * 1024
# Of a form: the admin's page of a product with a hundred variants has about a thousand.
MAX_FORM_FIELDS: Final = 2_000
MAX_FORM_FILES: Final = 10
# What an event or an entry of the audit log is about: a SKU and a location's code fit.
MAX_SUBJECT_LENGTH: Final = 400
