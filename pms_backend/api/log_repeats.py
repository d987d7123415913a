"""The state of rate-limited log lines, shared by all processes of a machine.

A small file has a slot for each kind of failure, chosen by its checksum. The file has its full size from the start, so
that slots can be written on a full disk. There is no lock: in the worst case a line is written twice.
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
SLOTS: Final = 2_048
_REPEAT: Final = struct.Struct("<ddq")


@dataclass(slots=True)
class Repeat:
    """Until when (`time.monotonic`) a line and its traceback are left out, and how many lines were left out."""

    quiet_until: float = 0.0
    brief_until: float = 0.0
    left_out: int = 0


class Repeats:
    """The state of all kinds of failure; of this process alone if the file cannot be written."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._file: int | None = None
        self._own: dict[int, bytes] = {}
        if directory.exists():
            # The disk may be full when the file is needed.
            with suppress(OSError):
                self._opened()

    @contextmanager
    def of(self, kind: str) -> Iterator[Repeat]:
        """The state of one kind; changes are stored at the end of the block."""
        slot = zlib.crc32(kind.encode("utf-8", "replace")) % SLOTS
        repeat = self._read(slot)
        try:
            yield repeat
        finally:
            self._write(slot, _REPEAT.pack(*astuple(repeat)))

    def _read(self, slot: int) -> Repeat:
        packed = self._own.get(slot, b"")
        with suppress(OSError):
            packed = packed or os.pread(self._opened(), _REPEAT.size, slot * _REPEAT.size)
        return Repeat(*_REPEAT.unpack(packed)) if len(packed) == _REPEAT.size else Repeat()

    def _write(self, slot: int, packed: bytes) -> None:
        try:
            os.pwrite(self._opened(), packed, slot * _REPEAT.size)
        except OSError:
            self._own[slot] = packed
        else:
            self._own.pop(slot, None)

    def _opened(self) -> int:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            if not os.fstat(self._file).st_size:
                os.pwrite(self._file, bytes(SLOTS * _REPEAT.size), 0)
        return self._file
