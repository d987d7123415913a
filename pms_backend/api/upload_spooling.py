"""Uploaded files that are spooled to disk, without remains where the disk is full."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.files import uploadhandler


class TemporaryFileUploadHandler(uploadhandler.TemporaryFileUploadHandler):
    """Django's, which leaves a file that it could not finish to the garbage collector."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Writes a part of the file."""
        with self._removing():
            return super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> Any:
        """The whole file, which is written by now."""
        with self._removing():
            return super().file_complete(file_size)

    @contextmanager
    def _removing(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # Flushing the rest of its buffer fails again.
            with suppress(OSError):
                self.file.close()
            raise
