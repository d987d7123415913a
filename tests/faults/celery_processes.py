"""Real Celery workers and beat on the test's own database."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from django.db import connection

from pms_backend.standalone.programs import DELIVERY_THREADS, PMS_THREADS, SYNC_THREADS

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 15
THREADS = {"sync": SYNC_THREADS, "pms": PMS_THREADS, "deliveries": DELIVERY_THREADS}


def database_url() -> str:
    """The URL of the test database, for another process."""
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


class CeleryProcess:
    """`celery -A pms_backend.celery ARGUMENTS` in a process group of its own, which can be killed and started again."""

    def __init__(self, *arguments: str) -> None:
        self.command = [sys.executable, "-m", "celery", "-A", "pms_backend.celery", *arguments]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, env={**os.environ, "DATABASE_URL": database_url()}, start_new_session=True
        )

    def kill(self) -> None:
        """SIGKILL to the process and its children."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@contextlib.contextmanager
def worker_and_beat(directory: Path, queue: str = "sync") -> Iterator[CeleryProcess]:
    """The worker of a queue, as in `make run`, with the beat that sends its sweeps."""
    worker = CeleryProcess(
        "worker", f"--queues={queue}", "--pool=threads", f"--concurrency={THREADS[queue]}", "--without-gossip",
        "--without-mingle", "--loglevel=ERROR",
    )  # fmt: skip
    beat = CeleryProcess("beat", f"--schedule={directory / 'beat'}", "--pidfile=", "--loglevel=ERROR")
    with worker, beat:
        yield worker
