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
CLAIM: Final = timedelta(minutes=5)
# A task gives its thread back after this long, and rings for the next.
DRAIN_SECONDS: Final = 20.0

UPLOAD_LIFETIME: Final = timedelta(minutes=15)
# A file that no product shows may still be open in somebody's page, or be on its way into its row.
GRACE: Final = timedelta(days=1)

# A picture that is written anew may be larger than it was: a JPEG of low quality, for example.
MAX_KEPT_BYTES: Final = 2 * MAX_IMAGE_BYTES
# The address space of the process that decodes: six times the largest picture decoded. WebP needs a little more than
# five: the two canvases of its decoder, the frame that it returns, the picture, and a copy of it.
DECODER_BYTES: Final = 6 * 4 * MAX_IMAGE_PIXELS
# The largest WebP takes about 15 s of one core to decode and to write.
DECODER_CPU_SECONDS: Final = 45
# Elapsed time, with other processes at work too; after it the decoder is killed.
DECODER_SECONDS: Final = 90.0
# Requests have priority over decoding.
DECODER_NICENESS: Final = 10

# How long a request waits for the decoder lock, and a task of a worker.
UPLOAD_WAIT_SECONDS: Final = 0.5
BACKGROUND_WAIT_SECONDS: Final = DECODER_SECONDS
LOCK_POLL_SECONDS: Final = 0.02


def fits(width: int, height: int) -> bool:
    """Whether a picture of these sides may be decoded."""
    return width * height <= MAX_IMAGE_PIXELS and max(width, height) <= MAX_IMAGE_SIDE
