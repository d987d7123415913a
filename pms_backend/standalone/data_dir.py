"""The files of one installation, and the lock that makes its supervisor the only one."""

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
    """Replaces a file as one step, readable by its owner alone; it is on the disk when this returns."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w") as file:
            os.fchmod(descriptor, PRIVATE_FILE)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_private(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """An empty dict where there is no such file; StartupError where it is not a JSON object."""
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
        # Not resolved: what the caller calls it is what the children's environment says.
        self.root = root.expanduser().absolute()
        self.run = self.root / "run"
        self.metrics = self.run / "metrics"
        self.processes = self.run / "processes.json"
        self.postgres = self.root / "postgres"
        self.redis = self.root / "redis"
        self.environment = self.root / "environment.json"
        self.credentials = self.root / "credentials.json"
        self.quickstart = self.root / "quickstart.json"
        self._secrets = self.root / "secrets.json"

    def create(self) -> bool:
        """Makes what is missing of the directory; says whether the directory itself is new."""
        is_new = not self.root.exists()
        try:
            self.root.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            self.run.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
        except OSError as error:
            raise StartupError(f"DATA_DIR {self.root} cannot be used: {error.strerror}") from error
        return is_new

    @contextmanager
    def lock(self) -> Iterator[None]:
        """StartupError, at once, while another process holds it. The kernel releases it however its holder ends."""
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
        """What secrets.json has under this name; generated and kept there the first time."""
        known = read_json(self._secrets)
        if name not in known:
            known[name] = generate()
            write_json(self._secrets, known)
        return str(known[name])

    def empty_metrics(self) -> None:
        shutil.rmtree(self.metrics, ignore_errors=True)
        self.metrics.mkdir(mode=PRIVATE_DIRECTORY)
