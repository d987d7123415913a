"""The files of one installation, and the lock that allows it one supervisor."""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pms_backend.standalone import limits
from pms_backend.standalone.exceptions import StartupError

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700


def write_private(path: Path, text: str) -> None:
    """Replaces a file in one step; only its owner can read it. It is on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, PRIVATE_FILE)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_private(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Returns {} if the file does not exist. Raises `StartupError` if it is not a JSON object."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise StartupError(f"{path} is damaged: it is not a JSON object")
    return content


class DataDir:
    def __init__(self, root: Path) -> None:
        # Not resolved: the programs get the path in their environment as the caller wrote it.
        self.root = root.expanduser().absolute()
        self.run = self.root / "run"
        self.metrics = self.run / "metrics"
        self.processes = self.run / "processes.json"
        # Starts and ends of the programs, for /health/ready and /metrics (pms_backend/operations/restarts.py).
        self.programs = self.run / "programs.json"
        self.postgres = self.root / "postgres"
        self.redis = self.root / "redis"
        self.environment = self.root / "environment.json"
        self.credentials = self.root / "credentials.json"
        self.quickstart = self.root / "quickstart.json"
        self._secrets = self.root / "secrets.json"

    def create(self) -> bool:
        """Creates the directory; returns whether it is new."""
        is_new = not self.root.exists()
        try:
            self.root.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            self.run.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
        except OSError as error:
            raise StartupError(f"DATA_DIR {self.root} cannot be used: {error.strerror}") from error
        return is_new

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Raises `StartupError`, without waiting, while another process holds the lock. The kernel releases it when the
        holder ends."""
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.read(descriptor, 20).decode().strip() or "unknown"
                raise StartupError(f"DATA_DIR {self.root} is in use by the process with pid {holder}") from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def require_space(self) -> None:
        free = shutil.disk_usage(self.root).free
        if free < limits.MINIMUM_FREE_BYTES:
            needed = limits.MINIMUM_FREE_BYTES // 2**20
            raise StartupError(f"DATA_DIR {self.root} has only {free // 2**20} MB free, {needed} MB are needed")

    def secret(self, name: str, generate: Callable[[], str]) -> str:
        """Returns the value of this name in secrets.json; generates and stores it the first time."""
        stored = read_json(self._secrets)
        if name not in stored:
            stored[name] = generate()
            write_json(self._secrets, stored)
        return str(stored[name])

    def empty_metrics(self) -> None:
        shutil.rmtree(self.metrics, ignore_errors=True)
        self.metrics.mkdir(mode=PRIVATE_DIRECTORY)
