"""Lines of CSV that are written."""

from typing import IO, Final

# Python quotes a carriage return within a cell only where it is part of the line end.
LINE_END: Final = "\r\n"


class LineFeeds:
    """What a `csv.writer` writes to, line by line, with `LINE_END`: the lines end with a line feed."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, line: str) -> None:
        """One line."""
        self._file.write(line.removesuffix(LINE_END) + "\n")
