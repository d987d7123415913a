"""The records of a CSV file: with their lines and places, and with what is wrong with the broken ones.

A quote that is not closed would swallow the rest of the file. So what cannot be a record is taken for its first line
alone, and reading goes on behind that.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from pms_integration.files.limits import MAX_COLUMNS, MAX_RECORD_BYTES
from pms_integration.files.problems import FileUnusable, Problem

BOM: Final = b"\xef\xbb\xbf"
OTHER_ENCODINGS: Final = (b"\xff\xfe", b"\xfe\xff")
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
    """The columns, in their order, and where the first record is."""

    columns: list[str]
    body: Place


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


def read_header(file: IO[bytes]) -> Header:
    """The columns of a CSV file. Raises `FileUnusable` where there are none that could be meant."""
    file.seek(0)
    start = file.read(len(BOM))
    if start.startswith(OTHER_ENCODINGS):
        raise FileUnusable("The file is UTF-16; save it as UTF-8.")
    found = next(_raw_records(file, Place(len(BOM) if start == BOM else 0, 1)), None)
    if found is None:
        raise FileUnusable("The file is empty.")
    if found.problem is not None:
        raise FileUnusable(f"The first line cannot be read. {found.problem.detail}")
    columns = [name.strip() for name in found.values]
    if len(columns) > MAX_COLUMNS:
        raise FileUnusable(f"The file has {len(columns)} columns; {MAX_COLUMNS} are the most.")
    named = [name.casefold() for name in columns if name]
    if twice := next((name for name in columns if named.count(name.casefold()) > 1), None):
        raise FileUnusable(f"The column {twice} is there twice.")
    return Header(columns, found.end)


def read_records(file: IO[bytes], header: Header, place: Place) -> Iterator[Record]:
    """The records from a place on; lines without content are passed over."""
    width = len(header.columns)
    for record in _raw_records(file, place, width):
        if record.problem is None and len(record.values) != width:
            detail = f"The line has {len(record.values)} cells, and the first line names {width} columns."
            record.problem = Problem(record.line, "", "wrong_number_of_cells", detail)
        yield record


def _raw_records(file: IO[bytes], place: Place, width: int | None = None) -> Iterator[Record]:
    lines = _Lines(file, place)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin()
        try:
            values = next(reader)
        except StopIteration:
            return
        except _TooLong:
            yield _broken(lines, "line_too_long", f"The line is longer than {MAX_RECORD_BYTES} bytes.")
            reader = csv.reader(lines, strict=True)
            continue
        except csv.Error as error:
            yield _broken(lines, "malformed_line", _in_words(str(error)))
            reader = csv.reader(lines, strict=True)
            continue
        several_lines = lines.behind_first != lines.place
        if width is not None and several_lines and len(values) != width:
            yield _broken(lines, "malformed_line", "A quote is opened in this line and not closed where it should be.")
            reader = csv.reader(lines, strict=True)
        elif any(values):
            yield Record(lines.start, lines.place, values, lines.problem)


def _broken(lines: _Lines, code: str, detail: str) -> Record:
    """The record's first line by itself; reading goes on behind it."""
    start, end, first = lines.start, lines.behind_first or lines.place, lines.first
    if end.line == start.line:
        # Its own line has not ended yet: it is too long, or the file's last.
        lines.skip_line()
        end = lines.place
    lines.go_to(end)
    return Record(start, end, _readable(first), Problem(start.line, "", code, detail))


def _readable(text: str) -> list[str]:
    """Its cells as far as they can be read: the first is mostly the handle."""
    return next(csv.reader([text]), [])


def _in_words(error: str) -> str:
    if "unexpected end of data" in error:
        return "A quote is opened in this line and never closed."
    if "expected after" in error:
        return "A quote is closed in the middle of a cell; within quotes a quote is written twice."
    if "new-line character" in error:
        return "Lines end with a bare carriage return; save the file with Windows' or Unix' line ends."
    return f"The line is no CSV: {error}."
