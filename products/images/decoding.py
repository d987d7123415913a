"""Runs the decoder (`decoder`), a separate process whose memory and time are limited.

It is slow, so it never runs in a transaction; callers hold a lock of `decoder_locks`, so that one runs at a time.
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
from django.utils.translation import gettext as _

from products.exceptions import (
    ImageDecoderBusy,
    ImageTooCostly,
    ImageTooLarge,
    ImageTooManyPixels,
    ImageUnreadable,
)
from products.images.limits import DECODER_SECONDS

logger = logging.getLogger(__name__)

PROGRAM: Final = ("-m", "products.images.decoder")
_REFUSALS: Final = {kind.code: kind for kind in (ImageTooCostly, ImageTooLarge, ImageTooManyPixels, ImageUnreadable)}
# The kernel ends a process with these when its time or the machine's memory is used up.
_LIMIT_SIGNALS: Final = frozenset({signal.SIGXCPU, signal.SIGKILL})


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to be stored; `extension` is one of `names.CONTENT_TYPES`."""

    content: bytes
    extension: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """The digest of the content, by which it is stored once."""
        return hashlib.sha256(self.content).hexdigest()


def rewrite(data: bytes) -> Picture:
    """Decodes a picture and encodes it again: upright, in sRGB, without metadata.

    Raises `ImageTooLarge`, `ImageTooManyPixels`, `ImageUnreadable`, `ImageTooCostly`, `ImageDecoderBusy`.
    """
    return _decode("rewrite", data)


def make_thumbnail(data: bytes) -> bytes:
    """A small WebP of a stored picture. Raises the errors of `rewrite`."""
    return _decode("thumbnail", data).content


def _decode(work: str, data: bytes) -> Picture:
    # With -S and -P, packages are searched in the two directories of PYTHONPATH alone, which is fastest.
    command = (sys.executable, "-S", "-P", *PROGRAM, work, str(os.getpid()))
    try:
        ended = subprocess.run(
            command, input=data, capture_output=True, env=_environment(), timeout=DECODER_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ImageDecoderBusy(
            _("The picture could not be decoded in time, since the machine is busy; try again.")
        ) from None
    except OSError as error:
        raise ImageDecoderBusy(_("No process could be started to decode the picture; try again.")) from error
    if ended.returncode < 0:
        logger.warning("The decoder of a picture was ended by the signal %s", -ended.returncode)
        raise ImageTooCostly if -ended.returncode in _LIMIT_SIGNALS else ImageUnreadable
    if ended.returncode:
        raise RuntimeError(f"The decoder failed: {ended.stderr.decode(errors='replace')[-1_000:]}")
    head, _newline, content = ended.stdout.partition(b"\n")
    result, *words = head.decode().split()
    if result == "refused":
        raise _REFUSALS[words[0]]
    extension, width, height = words
    return Picture(content, extension, int(width), int(height))


def _environment() -> dict[str, str]:
    """An environment without secrets, and with one arena of memory, since each uses address space."""
    pillow = importlib.util.find_spec("PIL")
    if pillow is None or pillow.origin is None:
        raise RuntimeError("Pillow is not installed.")
    paths = (str(settings.BASE_DIR), str(Path(pillow.origin).parent.parent))
    return {"PYTHONPATH": os.pathsep.join(paths), "MALLOC_ARENA_MAX": "1"}
