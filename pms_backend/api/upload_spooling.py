"""Files of a request on their way to the disk, of which nothing stays when the disk is full."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.files import uploadhandler


class TemporaryFileUploadHandler(uploadhandler.TemporaryFileUploadHandler):
    """Django's; what it could not write to its end it would leave to the garbage collector."""

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
            # What is still buffered is no more taken than what came before.
            with suppress(OSError):
                self.file.close()
            raise
