"""Who decodes: one picture at a time on this machine for its web processes, and one for its workers.

A turn is a lock of the kernel's on a file, so that it is free as soon as its holder ends, however that is. Neither
PostgreSQL nor Redis holds it: no transaction may be open while a picture is decoded.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from django.conf import settings

from products.exceptions import ImageDecoderBusy
from products.images.limits import BACKGROUND_WAIT_SECONDS, TURN_POLL_SECONDS, UPLOAD_WAIT_SECONDS


class Turn:
    """The right to decode a picture."""

    def __init__(self, name: str, *, wait_seconds: float) -> None:
        self.name = name
        self._wait_seconds = wait_seconds
        # Whoever waits has a thread: no more than one of each process.
        self._waiting = threading.Lock()

    @contextmanager
    def held(self, *, wait: bool = True) -> Iterator[None]:
        """Takes the turn until the end of the block. Raises `ImageDecoderBusy` where it is another's for longer."""
        settings.RUN_DIR.mkdir(parents=True, exist_ok=True)
        file = os.open(settings.RUN_DIR / self.name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not (_lock(file) or (wait and self._comes(file))):
                raise ImageDecoderBusy("Another picture is being decoded; send this one again in a moment.")
            yield
        finally:
            os.close(file)

    def _comes(self, file: int) -> bool:
        if not self._waiting.acquire(blocking=False):
            return False
        try:
            ends_at = time.monotonic() + self._wait_seconds
            while time.monotonic() < ends_at:
                time.sleep(TURN_POLL_SECONDS)
                if _lock(file):
                    return True
        finally:
            self._waiting.release()
        return False


def _lock(file: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


UPLOADS: Final = Turn("image-upload.lock", wait_seconds=UPLOAD_WAIT_SECONDS)
# Of its own, so that the thousand pictures of an import keep nobody's upload out.
BACKGROUND: Final = Turn("image-background.lock", wait_seconds=BACKGROUND_WAIT_SECONDS)
