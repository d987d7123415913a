"""The records of a CSV file, each with its position in the file, and the problems of the broken ones.

A quote that is not closed would swallow the rest of the file. So a broken record consists of its first line only, and
reading goes on at the second.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from pms_integration.exceptions import FileUnusable
from pms_integration.files.limits import MAX_BYTES_READ_AGAIN, MAX_COLUMNS, MAX_RECORD_BYTES

BOM: Final = b"\xef\xbb\xbf"
OTHER_ENCODINGS: Final = (b"\xff\xfe", b"\xfe\xff")
# XLSX and ODS are ZIP files; XLS is older.
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
COMMA: Final = ","
# A line before the header that sets the separator for Excel.
_SEPARATOR: Final = re.compile(rb'"?sep=([,;|\t])"?[,;|\s]*', re.IGNORECASE)
MAX_SEPARATOR_LINE: Final = 4_096
# A setting of the whole process; `inventory/bulk_file.py` reads shorter files.
csv.field_size_limit(MAX_RECORD_BYTES)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error or a warning: the physical line (from 1), the column or JSON pointer, the rule's code, and the text."""

    line: int
    column: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class FilePosition:
    """The start of a line: its byte offset and its number (from 1)."""

    offset: int
    line: int


@dataclass(slots=True)
class Record:
    """One line of the file, or several if a cell has line breaks. A broken one has a problem and its readable cells."""

    start: FilePosition
    end: FilePosition
    values: list[str]
    problem: Problem | None = None

    @property
    def line(self) -> int:
        """The number of its first line."""
        return self.start.line


@dataclass(frozen=True, slots=True)
class Header:
    """The columns in their order, the position of the first record, and the separator of cells."""

    columns: list[str]
    body: FilePosition
    separator: str = COMMA


class _TooLong(Exception):
    """A record does not end within `MAX_RECORD_BYTES`."""


class _Lines:
    """Iterates over the physical lines of a file from a position on, and keeps track of the position."""

    def __init__(self, file: IO[bytes], position: FilePosition) -> None:
        self._file = file
        self.go_to(position)

    def go_to(self, position: FilePosition) -> None:
        """Continues at the position."""
        self._file.seek(position.offset)
        self.offset, self.line = position.offset, position.line
        self.begin()

    def begin(self) -> None:
        """Marks the current position as the start of a record."""
        self.start = FilePosition(self.offset, self.line)
        self.end_of_first: FilePosition | None = None
        self.first = ""
        self.problem: Problem | None = None

    @property
    def position(self) -> FilePosition:
        """The start of the next line."""
        return FilePosition(self.offset, self.line)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        raw = self._file.readline(MAX_RECORD_BYTES)
        if not raw:
            raise StopIteration
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            detail = f"Byte {error.start + 1} of line {self.line} is not UTF-8; save the file as UTF-8."
            self.problem = self.problem or Problem(self.line, "", "not_utf8", detail)
            text = raw.decode("utf-8", "replace")
        if b"\x00" in raw:
            self.problem = self.problem or Problem(self.line, "", "null_character", "The line holds a NUL character.")
        self.offset += len(raw)
        self.line += raw.endswith(b"\n")
        if self.end_of_first is None:
            self.end_of_first, self.first = self.position, text
        if self.offset - self.start.offset > MAX_RECORD_BYTES or (
            len(raw) == MAX_RECORD_BYTES and not raw.endswith(b"\n")
        ):
            raise _TooLong
        return text

    def skip_line(self) -> None:
        """Reads the rest of a line that was read in part."""
        while raw := self._file.readline(MAX_RECORD_BYTES):
            self.offset += len(raw)
            if raw.endswith(b"\n"):
                self.line += 1
                return


def require_text(file: IO[bytes]) -> None:
    """Raises `FileUnusable` for a workbook and for UTF-16."""
    file.seek(0)
    start = file.read(4)
    if start.startswith(WORKBOOKS):
        raise FileUnusable("The file is a workbook (XLSX, XLS or ODS); save its sheet as CSV UTF-8.")
    if start.startswith(OTHER_ENCODINGS):
        raise FileUnusable("The file is UTF-16; save it as UTF-8.")


def read_header(file: IO[bytes]) -> Header:
    """Reads the header of a CSV file. Raises `FileUnusable` if the first line is not a header."""
    require_text(file)
    file.seek(0)
    begin = FilePosition(len(BOM) if file.read(len(BOM)) == BOM else 0, 1)
    separator = COMMA
    file.seek(begin.offset)
    first_line = file.readline(MAX_SEPARATOR_LINE)
    if excel_line := _SEPARATOR.fullmatch(first_line):
        begin, separator = FilePosition(begin.offset + len(first_line), 2), excel_line[1].decode()
    found = next(_raw_records(file, begin, separator), None)
    if found is None:
        raise FileUnusable("The file is empty.")
    if found.problem is not None:
        raise FileUnusable(f"The first line cannot be read. {found.problem.detail}")
    columns = [name.strip() for name in found.values]
    if len(columns) > MAX_COLUMNS:
        raise FileUnusable(f"The file has {len(columns)} columns; {MAX_COLUMNS} are the most.")
    return Header(columns, found.end, separator)


def read_records(file: IO[bytes], header: Header, position: FilePosition) -> Iterator[Record]:
    """Reads the records from a position on, without empty lines.

    Each record gets a cell for each column, since spreadsheets leave out empty cells at the end of a line or add more
    of them. Additional cells with content are a problem.
    """
    width = len(header.columns)
    for record in _raw_records(file, position, header.separator, width):
        values = record.values
        while len(values) > width and not values[-1].strip():
            values.pop()
        if record.problem is None and len(values) > width:
            detail = f"The line has {len(values)} cells, and the first line names {width} columns."
            record.problem = Problem(record.line, "", "wrong_number_of_cells", detail)
        values += [""] * (width - len(values))
        yield record


def _raw_records(file: IO[bytes], position: FilePosition, separator: str, width: int | None = None) -> Iterator[Record]:
    lines = _Lines(file, position)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    read_again = 0
    while True:
        lines.begin()
        try:
            values = next(reader)
        except StopIteration:
            return
        except _TooLong:
            broken = "line_too_long", f"The line is longer than {MAX_RECORD_BYTES} bytes."
        except csv.Error as error:
            broken = "malformed_line", _explanation(str(error))
        else:
            if (
                width is None
                or lines.end_of_first == lines.position
                or not _holds_other_lines(values, separator, width)
            ):
                if any(value.strip() for value in values):
                    yield Record(lines.start, lines.position, values, lines.problem)
                continue
            broken = "malformed_line", "A quote is opened in this line and not closed where it should be."
        reached = lines.offset
        record = _broken(lines, separator, *broken)
        read_again += max(0, reached - lines.offset)
        if read_again > MAX_BYTES_READ_AGAIN + lines.offset:
            raise FileUnusable(f"Too many quotes are not closed, up to that of line {record.line}.")
        reader = csv.reader(lines, delimiter=separator, strict=True)
        yield record


def _holds_other_lines(values: list[str], separator: str, width: int) -> bool:
    """Whether a cell contains lines that look like records, because a quote was not closed."""
    if len(values) >= width:
        return any(value.strip() for value in values[width:])
    within = (line for value in values for line in value.split("\n")[1:])
    return any(line.count(separator) + 1 == width for line in within)


def _broken(lines: _Lines, separator: str, code: str, detail: str) -> Record:
    """The first line of a broken record; reading continues at the second."""
    start, end, first = lines.start, lines.end_of_first or lines.position, lines.first
    if end.line == start.line:
        # The end of the first line is not read yet: it is too long, or the last of the file.
        lines.skip_line()
        end = lines.position
    lines.go_to(end)
    return Record(start, end, _readable(first, separator), Problem(start.line, "", code, detail))


def _readable(text: str, separator: str) -> list[str]:
    """The cells of a broken line, as far as they can be read; the first is usually the handle."""
    # A carriage return within the line may be the reason why it is broken.
    return next(csv.reader([text.rstrip("\r\n").replace("\r", " ")], delimiter=separator), [])


def _explanation(error: str) -> str:
    if "unexpected end of data" in error:
        return "A quote is opened in this line and never closed."
    if "expected after" in error:
        return "A quote is closed in the middle of a cell; within quotes a quote is written twice."
    if "new-line character" in error:
        return "Lines end with a bare carriage return; save the file with Windows' or Unix' line ends."
    return f"The line is no CSV: {error}."
