"""Names and URLs of files."""

import secrets
from typing import Final

from django.conf import settings

# The content types of stored pictures by extension.
CONTENT_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
# The content types that clients may send.
SENT_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif")

IMAGES: Final = "images"
THUMBNAILS: Final = "thumbnails"
UPLOADS: Final = "uploads"
# The digest of the content and a random part: a file belongs to one row, so that both can be swept while the same
# content is being stored again.
FILE_PATTERN: Final = r"[0-9a-f]{2}/[0-9a-f]{64}-[0-9a-f]{8}\.(?:jpg|png|webp)"


def new_name(folder: str, sha256: str, extension: str) -> str:
    """A unique name for a file of this content."""
    return f"{folder}/{sha256[:2]}/{sha256}-{secrets.token_hex(4)}.{extension}"


def url_of(name: str, *, origin: str = "") -> str:
    """The URL of a file; with `origin` (`https://host`) it is absolute for files on this machine too."""
    url = f"{settings.MEDIA_URL}{name}"
    return f"{origin}{url}" if url.startswith("/") else url
