"""When each kind of failure may be written to the log again, known to all processes of a machine.

A small file has a place for each kind, found by its checksum. Its bytes are there from the start, so that a disk that
is full takes what is written over them. Nobody locks it: at worst a line comes twice.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

FILE: Final = "log-repeats"
PLACES: Final = 2_048
_REPEAT: Final = struct.Struct("<ddq")


@dataclass(slots=True)
class Repeat:
    """Until when it is not written, and then without a traceback, on the machine's clock; how often it was left out."""

    quiet_until: float = 0.0
    brief_until: float = 0.0
    left_out: int = 0


class Repeats:
    """The repeats of every kind; where there can be no file, those of this process."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._file: int | None = None
        self._own: dict[int, bytes] = {}
        if directory.exists():
            # Now, since there may be no room for it when it is needed.
            with suppress(OSError):
                self._opened()

    @contextmanager
    def of(self, kind: str) -> Iterator[Repeat]:
        """That of one kind, which is kept as the block leaves it."""
        place = zlib.crc32(kind.encode("utf-8", "replace")) % PLACES
        repeat = self._read(place)
        try:
            yield repeat
        finally:
            self._write(place, _REPEAT.pack(*astuple(repeat)))

    def _read(self, place: int) -> Repeat:
        packed = self._own.get(place, b"")
        with suppress(OSError):
            packed = packed or os.pread(self._opened(), _REPEAT.size, place * _REPEAT.size)
        return Repeat(*_REPEAT.unpack(packed)) if len(packed) == _REPEAT.size else Repeat()

    def _write(self, place: int, packed: bytes) -> None:
        try:
            os.pwrite(self._opened(), packed, place * _REPEAT.size)
        except OSError:
            self._own[place] = packed
        else:
            self._own.pop(place, None)

    def _opened(self) -> int:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if not os.fstat(self._file).st_size:
                os.pwrite(self._file, bytes(PLACES * _REPEAT.size), 0)
        return self._file
