"""Real threads with connections of their own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")

DEADLINE_SECONDS = 60


def at_once(jobs: Sequence[Callable[[], Result]], *, seconds: float = DEADLINE_SECONDS) -> list[Result | Exception]:
    """Runs the jobs in as many threads, let go together; returns what each returned or raised."""
    gate = threading.Barrier(len(jobs), timeout=DEADLINE_SECONDS)

    def run(job: Callable[[], Result]) -> Result | Exception:
        try:
            gate.wait()
            return job()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs, timeout=seconds))
