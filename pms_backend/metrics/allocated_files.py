"""Metric files that are allocated in full before they are mapped.

prometheus_client maps sparse files. On a full disk the first write into a hole is not an error that Python can catch:
the kernel kills the process (SIGBUS).
"""

import os
from pathlib import Path
from typing import Final

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

# Several times the size that the metrics of a process need.
FILE_BYTES: Final = 128 * 1024


class _AllocatedDict(MmapedDict):
    def __init__(self, filename: str, read_mode: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's
        super().__init__(  # type: ignore[no-untyped-call]  # the library has no types here
            filename if read_mode else _allocated(filename), read_mode
        )


def use_allocated_files() -> None:
    """Makes prometheus_client use allocated files; call it before the first metric is created."""
    values.MmapedDict = _AllocatedDict  # type: ignore[attr-defined]  # it has no setting for this


def _allocated(filename: str) -> str:
    """The allocated file; on a full disk a file in memory, which `/metrics` does not include."""
    try:
        if not Path(filename).exists():
            Path(filename).write_bytes(bytes(FILE_BYTES))
    except OSError:
        Path(filename).unlink(missing_ok=True)
        return f"/proc/self/fd/{os.memfd_create(Path(filename).name)}"
    return filename
