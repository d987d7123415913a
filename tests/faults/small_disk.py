"""A small disk (tmpfs) that a test can fill."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE_BYTES = 16 * 1024 * 1024


class SmallDisk:
    """The tmpfs at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Fills the disk, so that not even a small file fits."""
        with self._filler.open("ab", buffering=0) as filler:
            for size in (1024 * 1024, 4096):
                while _append(filler.fileno(), bytes(size)):
                    continue

    def free(self) -> None:
        """Frees the space again."""
        self._filler.unlink()

    def files(self) -> list[str]:
        """All other files on it."""
        found = (path for path in self.path.rglob("*") if path.is_file() and path != self._filler)
        return sorted(path.relative_to(self.path).as_posix() for path in found)


@contextmanager
def small_disk(path: Path) -> Iterator[SmallDisk]:
    """Mounted during a test; the test is skipped where mounting is not permitted."""
    path.mkdir()
    mount = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES},mode=1777", "tmpfs", str(path)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mount.returncode:
        pytest.skip(f"A small disk cannot be mounted here, which takes root: {mount.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(("umount", "--lazy", str(path)), check=True)


def _append(file: int, content: bytes) -> bool:
    try:
        return os.write(file, content) == len(content)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
