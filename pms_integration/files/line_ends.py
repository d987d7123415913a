"""CSV files of old Macs, whose lines end with a bare carriage return, read as if they ended with a line feed."""

import io
import re
from typing import IO, Final, cast

from pms_integration.files.limits import MAX_RECORD_BYTES

_QUOTED: Final = re.compile(rb'"[^"]*"')
# What may come behind is part of it: to look ahead for it, a long run would be read again from each of its characters.
_RUN_OF_CARRIAGE_RETURNS: Final = re.compile(rb"\r+\n?")


class _OldMacFile(io.RawIOBase):
    """The file with line feeds for carriage returns: places in it stay what they are."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes on there."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()

    def readinto(self, buffer: object) -> int:
        """Reads into the buffer; returns how many bytes."""
        view = memoryview(buffer)  # type: ignore[arg-type]  # any buffer
        content = self._file.read(len(view)).replace(b"\r", b"\n")
        view[: len(content)] = content
        return len(content)


def with_line_feeds(file: IO[bytes]) -> IO[bytes]:
    """The file itself, or a view of it where most of its lines end with a bare carriage return.

    A few of these in a file whose lines end otherwise are broken lines.
    """
    file.seek(0)
    outside_of_quotes = _QUOTED.sub(b"", file.read(MAX_RECORD_BYTES))
    file.seek(0)
    bare = sum(not run[0].endswith(b"\n") for run in _RUN_OF_CARRIAGE_RETURNS.finditer(outside_of_quotes))
    if bare > outside_of_quotes.count(b"\n"):
        return cast("IO[bytes]", io.BufferedReader(_OldMacFile(file)))
    return file
