"""Threads of the web server come and go; their database connections with them."""

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from pms_backend.api.thread_connections import with_connections_of_threads

# Not behind a pooler, which keeps the server's connections.
pytestmark = pytest.mark.django_db(transaction=True)

OPEN = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"


@pytest.fixture(autouse=True)
def garbage_stays() -> Iterator[None]:
    """As long as it may in a process that has little to do."""
    gc.disable()
    yield
    gc.enable()


def asks(environ: dict[str, Any], _: Any) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    environ["pids"].append(pid)
    return []


def served_by_a_thread_of_its_own(times: int) -> list[int]:
    application, pids = with_connections_of_threads(asks), []

    def serve() -> None:
        for _ in range(times):
            application({"pids": pids}, None)

    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    return pids


def open_connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute(OPEN)
        (count,) = cursor.fetchone()
    return int(count)


def test_a_thread_keeps_its_connection():
    assert len(set(served_by_a_thread_of_its_own(times=3))) == 1


def test_an_ended_thread_leaves_none_behind():
    before = open_connections()

    pids = [pid for _ in range(20) for pid in served_by_a_thread_of_its_own(times=1)]

    assert len(set(pids)) == 20
    # The server takes a moment to notice the last.
    assert open_connections() - before <= 2
