"""What a picture may cost: each bound named once."""

from datetime import timedelta
from typing import Final

MAX_IMAGES: Final = 250  # of a product, pending and failed ones included
MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
# Decoded, four bytes each: what a process must have room for.
MAX_IMAGE_PIXELS: Final = 50_000_000
# What WebP can hold.
MAX_IMAGE_SIDE: Final = 16_383
# A form around the file: boundaries, alt text.
MAX_IMAGE_BODY_BYTES: Final = MAX_IMAGE_BYTES + 64 * 1024

THUMBNAIL_SIDE: Final = 480
MAX_THUMBNAIL_ATTEMPTS: Final = 5

MAX_FETCH_ATTEMPTS: Final = 5
FIRST_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(hours=1)
# Longer than a fetch may take, decoding and storing included: whoever has not ended by then has died.
CLAIM: Final = timedelta(seconds=90)
# A task gives its thread back after this long, and rings for the next.
DRAIN_SECONDS: Final = 20.0

UPLOAD_LIFETIME: Final = timedelta(minutes=15)
# A file that no product shows may still be open in somebody's page, or be on its way into its row.
GRACE: Final = timedelta(days=1)
