"""The limits of one request.

The web server's own (`pms_backend/web_server/limits.py`) limit connections and the time to send a request.
"""

from typing import Final

# A bulk of 10,000 rows is well below it.
MAX_BODY_BYTES: Final = 10 * 1024 * 1024
# Of a form with a file, for views that accept one so large.
MAX_UPLOAD_BYTES: Final = 1024**3 + 64 * 1024
# orjson reads more levels than the 254 that it writes, so that a deeper value could be stored but not returned.
MAX_JSON_DEPTH: Final = 64
# Path and query as they were sent. A cursor and a dozen filters are well below it.
MAX_URL_BYTES: Final = 8 * 1024
MAX_QUERY_PARAMETERS: Final = 100
# All headers together, names included.
MAX_HEADER_BYTES: Final = 32 * 1024
# Of a form: the admin's page of a product with the most variants has ten for each.
MAX_FORM_FIELDS: Final = 25_000
MAX_FORM_FILES: Final = 10
# Of the `subject` of an event or an audit entry: a SKU and a location's code fit.
MAX_SUBJECT_LENGTH: Final = 400
