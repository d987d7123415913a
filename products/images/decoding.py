"""A picture decoded and written anew by a process of its own (`decoder`), bounded in memory and time.

Slow, so never in a transaction; under a lock of `decoder_locks`, so that one is at work.
"""

import hashlib
import importlib.util
import logging
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from products.exceptions import ImageDecoderBusy, ImageTooCostly, ImageUnreadable
from products.images.limits import DECODER_SECONDS
from products.images.refusals import refusal

logger = logging.getLogger(__name__)

PROGRAM: Final = ("-m", "products.images.decoder")
# How the kernel ends a process that has used up its time or the machine's memory.
_USED_UP: Final = frozenset({-signal.SIGXCPU, -signal.SIGKILL})


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is stored; `extension` is one of `names.CONTENT_TYPES`."""

    content: bytes
    extension: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """The digest of its bytes, by which it is stored once."""
        return hashlib.sha256(self.content).hexdigest()


def rewrite(data: bytes) -> Picture:
    """The picture that the bytes hold: upright, in sRGB, without anything else that came with it.

    Raises `ImageTooLarge`, `ImageTooManyPixels`, `ImageUnreadable`, `ImageTooCostly`, `ImageDecoderBusy`.
    """
    return _decode("rewrite", data)


def make_thumbnail(data: bytes) -> bytes:
    """A small WebP of a stored picture. Raises as `rewrite`."""
    return _decode("thumbnail", data).content


def _decode(work: str, data: bytes) -> Picture:
    # -S and -P: packages are searched in the two directories of its PYTHONPATH alone, which is the quickest.
    command = (sys.executable, "-S", "-P", *PROGRAM, work, str(os.getpid()))
    try:
        ended = subprocess.run(
            command, input=data, capture_output=True, env=_environment(), timeout=DECODER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ImageDecoderBusy(
            "The picture could not be decoded in time, since the machine is busy; try again."
        ) from None
    except OSError as error:
        raise ImageDecoderBusy("No process could be started to decode the picture; try again.") from error
    if ended.returncode < 0:
        logger.warning("The decoder of a picture was ended by the signal %s", -ended.returncode)
        raise refusal((ImageTooCostly if ended.returncode in _USED_UP else ImageUnreadable).code)
    if ended.returncode:
        raise RuntimeError(f"The decoder failed: {ended.stderr.decode(errors='replace')[-1_000:]}")
    head, _, content = ended.stdout.partition(b"\n")
    answer, *words = head.decode().split()
    if answer == "refused":
        raise refusal(words[0])
    extension, width, height = words
    return Picture(content, extension, int(width), int(height))


def _environment() -> dict[str, str]:
    """Not our own, which holds secrets. One arena of memory: each uses up address space."""
    pillow = importlib.util.find_spec("PIL")
    if pillow is None or pillow.origin is None:
        raise RuntimeError("Pillow is not installed.")
    places = (str(settings.BASE_DIR), str(Path(pillow.origin).parent.parent))
    return {"PYTHONPATH": os.pathsep.join(places), "MALLOC_ARENA_MAX": "1"}
