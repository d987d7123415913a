"""Locks by which one picture at a time is decoded on a machine: one lock for uploads, one for tasks of the workers.

They are file locks, which the kernel releases however their process ends. PostgreSQL's would need a transaction, which
must not be open while a picture is decoded; Redis does not notice when a process ends.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from products.exceptions import ImageDecoderBusy
from products.images.limits import BACKGROUND_WAIT_SECONDS, LOCK_POLL_SECONDS, UPLOAD_WAIT_SECONDS


class DecoderLock:
    """A lock that the processes of this machine share, on the file `name` in `RUN_DIR`."""

    def __init__(self, name: str, *, wait_seconds: float) -> None:
        self.name = name
        self._wait_seconds = wait_seconds
        # A waiting request occupies a thread, so at most one of each process waits.
        self._waiting = threading.Lock()

    @contextmanager
    def held(self, *, wait: bool = True) -> Iterator[None]:
        """Holds the lock for the block. Raises `ImageDecoderBusy` if it does not become free in time."""
        settings.RUN_DIR.mkdir(parents=True, exist_ok=True)
        file = os.open(settings.RUN_DIR / self.name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not (_acquire(file) or (wait and self._acquire_later(file))):
                raise ImageDecoderBusy(_("Another picture is being decoded; send this one again in a moment."))
            yield
        finally:
            os.close(file)

    def _acquire_later(self, file: int) -> bool:
        if not self._waiting.acquire(blocking=False):
            return False
        try:
            ends_at = time.monotonic() + self._wait_seconds
            while time.monotonic() < ends_at:
                time.sleep(LOCK_POLL_SECONDS)
                if _acquire(file):
                    return True
        finally:
            self._waiting.release()
        return False


def _acquire(file: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


UPLOAD_LOCK: Final = DecoderLock("image-upload.lock", wait_seconds=UPLOAD_WAIT_SECONDS)
# Separate, so that an import's thousand pictures do not make uploads 503.
BACKGROUND_LOCK: Final = DecoderLock("image-background.lock", wait_seconds=BACKGROUND_WAIT_SECONDS)
