"""Metric files whose bytes are allocated before they are mapped.

prometheus_client maps sparse files. On a full disk the first write into a hole is not an error that Python can catch:
the kernel kills the process (SIGBUS).
"""

import mmap
import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

# What most processes need; a web process with a thousand series needs a few times as much.
STEP_BYTES: Final = 128 * 1024
RETRY_SECONDS: Final = 10.0
# The length, the padding and the two doubles of an entry, and a few bytes to spare.
_ENTRY_BYTES: Final = 32
_TWO_DOUBLES: Final = struct.Struct("dd")


class _AllocatedDict(MmapedDict):
    """The library's, in a file that grows by allocated steps.

    A series for which there is no room counts in memory; with the first count after the file could grow, all that it
    has counted is there.
    """

    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's
        self._retry_at = 0.0
        super().__init__(  # type: ignore[no-untyped-call]  # the library has no types here
            filename if read_mode else _allocated(filename), read_mode
        )

    def read_value(self, key: str) -> tuple[float, float]:
        """The value and the time of a series, which begins at 0."""
        if key not in self._positions and not self._has_room(key):
            return 0.0, 0.0
        return super().read_value(key)  # type: ignore[no-any-return, no-untyped-call]

    def write_value(self, key: str, value: float, timestamp: float) -> None:
        """Writes the value, unless there is no room for the series."""
        if (position := self._positions.get(key)) is not None:
            # As the library does, but in two calls fewer: each request writes three values.
            self._m[position : position + _TWO_DOUBLES.size] = _TWO_DOUBLES.pack(value, timestamp)
        elif self._has_room(key):
            super().write_value(key, value, timestamp)  # type: ignore[no-untyped-call]

    def _has_room(self, key: str) -> bool:
        needed = len(key.encode()) + _ENTRY_BYTES
        return self._used + needed <= self._capacity or self._grow()

    def _grow(self) -> bool:
        """Grows by a step. False on a full disk, which is tried again some seconds later."""
        if time.monotonic() < self._retry_at:
            return False
        # What a full disk takes of it is kept: the next attempt continues there.
        with suppress(OSError):
            os.write(self._f.fileno(), bytes(STEP_BYTES))
        length = os.fstat(self._f.fileno()).st_size
        if length < self._capacity + STEP_BYTES:
            self._retry_at = time.monotonic() + RETRY_SECONDS
            return False
        self._capacity = length
        self._m = mmap.mmap(self._f.fileno(), length)
        return True


def use_allocated_files() -> None:
    """Makes prometheus_client use allocated files; call it before the first metric is created."""
    values.MmapedDict = _AllocatedDict  # type: ignore[attr-defined]  # it has no setting for this


def _allocated(filename: str) -> str:
    """The allocated file; on a full disk a file in memory, which `/metrics` does not include.

    It gets its name when it is complete: a scrape reads each file that it finds.
    """
    if Path(filename).exists():
        return filename
    new = Path(f"{filename}.new")
    try:
        new.write_bytes(bytes(STEP_BYTES))
        new.rename(filename)
    except OSError:
        new.unlink(missing_ok=True)
        return f"/proc/self/fd/{os.memfd_create(new.name)}"
    return filename
