"""The records of a CSV file: with their lines and places, and with what is wrong with the broken ones.

A quote that is not closed would swallow the rest of the file. So what cannot be a record is taken for its first line
alone, and reading goes on behind that.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from pms_integration.files.limits import MAX_BYTES_READ_AGAIN, MAX_COLUMNS, MAX_RECORD_BYTES
from pms_integration.files.problems import FileUnusable, Problem

BOM: Final = b"\xef\xbb\xbf"
OTHER_ENCODINGS: Final = (b"\xff\xfe", b"\xfe\xff")
# XLSX and ODS are ZIP files; XLS is older.
WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
COMMA: Final = ","
# With this line before the first a file tells Excel what parts its cells.
_SEPARATOR: Final = re.compile(rb'"?sep=([,;|\t])"?[,;|\s]*', re.IGNORECASE)
MAX_SEPARATOR_LINE: Final = 4_096
# Of the whole process; nobody else reads CSV here.
csv.field_size_limit(MAX_RECORD_BYTES)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record begins: how many bytes are before it, and the number of its line."""

    offset: int
    line: int


@dataclass(slots=True)
class Record:
    """A line of the file, or several where a cell has line breaks. A broken one has a problem, and what of it could be
    read."""

    start: Place
    end: Place
    values: list[str]
    problem: Problem | None = None

    @property
    def line(self) -> int:
        """Its first."""
        return self.start.line


@dataclass(frozen=True, slots=True)
class Header:
    """The columns, in their order, where the first record is, and what parts the cells."""

    columns: list[str]
    body: Place
    separator: str = COMMA


class _TooLong(Exception):
    """A record has no end within `MAX_RECORD_BYTES`."""


class _Lines:
    """The physical lines of a file as texts, from a place on; it knows where it is."""

    def __init__(self, file: IO[bytes], place: Place) -> None:
        self._file = file
        self.go_to(place)

    def go_to(self, place: Place) -> None:
        """Goes on there."""
        self._file.seek(place.offset)
        self.offset, self.line = place.offset, place.line
        self.begin()

    def begin(self) -> None:
        """A record begins here."""
        self.start = Place(self.offset, self.line)
        self.behind_first: Place | None = None
        self.first = ""
        self.problem: Problem | None = None

    @property
    def place(self) -> Place:
        """Where the next line begins."""
        return Place(self.offset, self.line)

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
        if self.behind_first is None:
            self.behind_first, self.first = self.place, text
        if self.offset - self.start.offset > MAX_RECORD_BYTES or (
            len(raw) == MAX_RECORD_BYTES and not raw.endswith(b"\n")
        ):
            raise _TooLong
        return text

    def skip_line(self) -> None:
        """Reads to the end of a line of which only a part was read."""
        while raw := self._file.readline(MAX_RECORD_BYTES):
            self.offset += len(raw)
            if raw.endswith(b"\n"):
                self.line += 1
                return


def require_text(file: IO[bytes]) -> None:
    """Raises `FileUnusable` for a workbook, and for an encoding that is not ours."""
    file.seek(0)
    start = file.read(4)
    if start.startswith(WORKBOOKS):
        raise FileUnusable("The file is a workbook (XLSX, XLS or ODS); save its sheet as CSV UTF-8.")
    if start.startswith(OTHER_ENCODINGS):
        raise FileUnusable("The file is UTF-16; save it as UTF-8.")


def read_header(file: IO[bytes]) -> Header:
    """The columns of a CSV file. Raises `FileUnusable` where there are none that could be meant."""
    require_text(file)
    file.seek(0)
    begin = Place(len(BOM) if file.read(len(BOM)) == BOM else 0, 1)
    separator = COMMA
    file.seek(begin.offset)
    first_line = file.readline(MAX_SEPARATOR_LINE)
    if of_excel := _SEPARATOR.fullmatch(first_line):
        begin, separator = Place(begin.offset + len(first_line), 2), of_excel[1].decode()
    found = next(_raw_records(file, begin, separator), None)
    if found is None:
        raise FileUnusable("The file is empty.")
    if found.problem is not None:
        raise FileUnusable(f"The first line cannot be read. {found.problem.detail}")
    columns = [name.strip() for name in found.values]
    if len(columns) > MAX_COLUMNS:
        raise FileUnusable(f"The file has {len(columns)} columns; {MAX_COLUMNS} are the most.")
    return Header(columns, found.end, separator)


def read_records(file: IO[bytes], header: Header, place: Place) -> Iterator[Record]:
    """The records from a place on; lines without content are passed over.

    A spreadsheet leaves out empty cells at the end of a line, or writes too many of them: each record has a cell for
    each column, and more only where these have content, which is a problem.
    """
    width = len(header.columns)
    for record in _raw_records(file, place, header.separator, width):
        values = record.values
        while len(values) > width and not values[-1].strip():
            values.pop()
        if record.problem is None and len(values) > width:
            detail = f"The line has {len(values)} cells, and the first line names {width} columns."
            record.problem = Problem(record.line, "", "wrong_number_of_cells", detail)
        values += [""] * (width - len(values))
        yield record


def _raw_records(file: IO[bytes], place: Place, separator: str, width: int | None = None) -> Iterator[Record]:
    lines = _Lines(file, place)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    read_again = 0
    while True:
        lines.begin()
        try:
            values = next(reader)
        except StopIteration:
            return
        except _TooLong:
            code, detail = "line_too_long", f"The line is longer than {MAX_RECORD_BYTES} bytes."
        except csv.Error as error:
            code, detail = "malformed_line", _in_words(str(error))
        else:
            if width is None or lines.behind_first == lines.place or not _holds_other_lines(values, separator, width):
                if any(value.strip() for value in values):
                    yield Record(lines.start, lines.place, values, lines.problem)
                continue
            code, detail = "malformed_line", "A quote is opened in this line and not closed where it should be."
        reached = lines.offset
        record = _broken(lines, separator, code, detail)
        read_again += max(0, reached - lines.offset)
        if read_again > MAX_BYTES_READ_AGAIN + lines.offset:
            raise FileUnusable(f"Too many quotes are not closed, up to that of line {record.line}.")
        reader = csv.reader(lines, delimiter=separator, strict=True)
        yield record


def _holds_other_lines(values: list[str], separator: str, width: int) -> bool:
    """Whether a cell with line breaks has swallowed lines that are records: a quote was not closed."""
    if len(values) >= width:
        return any(value.strip() for value in values[width:])
    within = (line for value in values for line in value.split("\n")[1:])
    return any(line.count(separator) + 1 == width for line in within)


def _broken(lines: _Lines, separator: str, code: str, detail: str) -> Record:
    """The record's first line by itself; reading goes on behind it."""
    start, end, first = lines.start, lines.behind_first or lines.place, lines.first
    if end.line == start.line:
        # Its own line has not ended yet: it is too long, or the file's last.
        lines.skip_line()
        end = lines.place
    lines.go_to(end)
    return Record(start, end, _readable(first, separator), Problem(start.line, "", code, detail))


def _readable(text: str, separator: str) -> list[str]:
    """Its cells as far as they can be read: the first is mostly the handle."""
    # A carriage return within a line is what may be wrong with it.
    return next(csv.reader([text.rstrip("\r\n").replace("\r", " ")], delimiter=separator), [])


def _in_words(error: str) -> str:
    if "unexpected end of data" in error:
        return "A quote is opened in this line and never closed."
    if "expected after" in error:
        return "A quote is closed in the middle of a cell; within quotes a quote is written twice."
    if "new-line character" in error:
        return "Lines end with a bare carriage return; save the file with Windows' or Unix' line ends."
    return f"The line is no CSV: {error}."
