"""What files are called, and where browsers find them."""

import secrets
from typing import Final

from django.conf import settings

# By the extension that a picture is stored with.
CONTENT_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
# What a client may say that it sends.
SENT_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif")

IMAGES: Final = "images"
THUMBNAILS: Final = "thumbnails"
UPLOADS: Final = "uploads"
# The digest of the content, and a part of its own: a file belongs to one row, so that it can be swept with it while the
# same content is being stored anew.
FILE_PATTERN: Final = r"[0-9a-f]{2}/[0-9a-f]{64}-[0-9a-f]{8}\.(?:jpg|png|webp)"


def new_name(folder: str, sha256: str, extension: str) -> str:
    """A name for a file of this content that no other file has."""
    return f"{folder}/{sha256[:2]}/{sha256}-{secrets.token_hex(4)}.{extension}"


def url_of(name: str, *, origin: str = "") -> str:
    """Where a file is found; with `origin` (`https://host`) absolute even where it is on this machine."""
    url = f"{settings.MEDIA_URL}{name}"
    return f"{origin}{url}" if url.startswith("/") else url
