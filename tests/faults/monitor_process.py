"""The real monitor on the test's own database, with a Redis that a test may break."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.celery_processes import ROOT, STOP_SECONDS, database_url


@contextmanager
def monitor(directory: Path, *, redis_url: str, webhook_url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`manage.py monitor`, which is stopped at the end."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "REDIS_URL": redis_url,
        "DATA_DIR": str(directory),
        "METRICS_DIR": str(directory / "metrics"),
        "ALERT_WEBHOOK_URL": webhook_url,
        "PROGRAM": "monitor",
    }
    process = subprocess.Popen([sys.executable, "manage.py", "monitor"], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
