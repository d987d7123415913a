"""What one request may cost: each bound of the outermost layers, named once.

The web server bounds the rest (`pms_backend/standalone/children.py`): how long a request's head may be, and how long a
client may take to send it.
"""

from typing import Final

# A bulk of 10,000 rows fits with room.
MAX_BODY_BYTES: Final = 10 * 1024 * 1024
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
# A body's whole time is these seconds, and what its length takes at the slowest speed that is borne.
BODY_SECONDS: Final = 10
MIN_BODY_BYTES_PER_SECOND: Final = 64 * 1024
# In each process so many requests may wait longer than a moment for their bodies: half of its threads.
MAX_WAITING_FOR_BODIES: Final = 2
SHORT_BODY_SECONDS: Final = 0.25
# As many as the web server's `--backpressure` lets in, so that no body lacks a reader.
MAX_CONNECTIONS: Final = 512
