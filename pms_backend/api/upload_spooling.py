"""Spooling of uploaded files to disk that deletes incomplete ones on a full disk."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.files import uploadhandler


class TemporaryFileUploadHandler(uploadhandler.TemporaryFileUploadHandler):
    """Django's, but closes and thereby deletes an incomplete file at once."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Writes a chunk of the file."""
        with self._closed_on_failure():
            return super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> Any:
        """The complete file."""
        with self._closed_on_failure():
            return super().file_complete(file_size)

    @contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # Closing flushes the rest of the buffer, which fails again.
            with suppress(OSError):
                self.file.close()
            raise
