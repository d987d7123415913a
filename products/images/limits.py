"""The limits of pictures. The decoder imports them, so this module must not import Django."""

from datetime import timedelta
from typing import Final

MAX_IMAGES: Final = 250  # of a product, including pending and failed ones
MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
# Decoded, each takes four bytes of memory.
MAX_IMAGE_PIXELS: Final = 50_000_000
# The limit of WebP.
MAX_IMAGE_SIDE: Final = 16_383
# The body of a multipart request: the file, boundaries and the alt text.
MAX_IMAGE_BODY_BYTES: Final = MAX_IMAGE_BYTES + 64 * 1024

THUMBNAIL_SIDE: Final = 480
MAX_THUMBNAIL_ATTEMPTS: Final = 5

MAX_FETCH_ATTEMPTS: Final = 5
FIRST_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(hours=1)
# Longer than a fetch with decoding and storing may take: a worker that has not ended by then has died.
FETCH_LEASE: Final = timedelta(minutes=5)
# A task ends after this time and sends a wake-up for the rest, so that it does not occupy a thread.
DRAIN_SECONDS: Final = 20.0

UPLOAD_LIFETIME: Final = timedelta(minutes=15)
# A page may still show a file that no product uses any more, and the row of a new file may not be committed yet.
SWEEP_GRACE: Final = timedelta(days=1)

# Encoded again, a picture may be larger than it was, for example a JPEG of low quality.
MAX_STORED_BYTES: Final = 2 * MAX_IMAGE_BYTES
# The address space of the decoder: six times the largest decoded picture. WebP needs a little more than five: the two
# canvases of its decoder, the frame that it returns, the picture, and a copy of it.
DECODER_BYTES: Final = 6 * 4 * MAX_IMAGE_PIXELS
# The largest WebP takes about 15 s of one core.
DECODER_CPU_SECONDS: Final = 45
# Elapsed time, after which the decoder is killed; other processes may use the cores too.
DECODER_SECONDS: Final = 90.0
# Requests have priority over decoding.
DECODER_NICENESS: Final = 10

# How long a request and a task wait for their decoder lock.
UPLOAD_WAIT_SECONDS: Final = 0.5
BACKGROUND_WAIT_SECONDS: Final = DECODER_SECONDS
LOCK_POLL_SECONDS: Final = 0.02


def fits(width: int, height: int) -> bool:
    """Whether a picture of this size may be decoded."""
    return width * height <= MAX_IMAGE_PIXELS and max(width, height) <= MAX_IMAGE_SIDE
