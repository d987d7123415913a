"""The relay's worker keeps its connection to PostgreSQL from one run to the next, as long as it is sound."""

from collections.abc import Iterator

import pytest
from celery import Task
from celery.states import FAILURE, SUCCESS
from django.db import connection, connections

from pms_backend.celery import _WorkerFixup, app
from pms_backend.events.tasks import prune_events, relay_events
from tests.events.examples import feed, happen

# Not `database`: a pooler would answer from a session of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker() -> Iterator[_WorkerFixup]:
    """What Celery calls before and after each task."""
    (fixup,) = app._fixups
    yield fixup.worker_fixup
    connection.close()


def run(worker: _WorkerFixup, task: Task, *, state: str = SUCCESS) -> int:
    """Runs a task as a worker does; returns the session that it had."""
    worker.on_task_prerun(sender=task)
    task()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (session,) = cursor.fetchone()
    worker.on_task_postrun(sender=task, state=state)
    return session


def test_the_next_run_has_the_same_session(worker: _WorkerFixup) -> None:
    happen("a")
    first = run(worker, relay_events)
    happen("b")

    assert run(worker, relay_events) == first
    assert feed() == [(1, "thing:a"), (2, "thing:b")]


def test_a_session_that_postgresql_ended_is_replaced_before_the_next_run(worker: _WorkerFixup) -> None:
    first = run(worker, relay_events)
    happen("a")
    operator = connections.create_connection("default")
    with operator.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    operator.close()

    assert run(worker, relay_events) != first
    assert feed() == [(1, "thing:a")]


def test_a_run_that_failed_leaves_no_session(worker: _WorkerFixup) -> None:
    run(worker, relay_events, state=FAILURE)

    assert connection.connection is None


def test_other_tasks_leave_no_session_and_begin_with_none(worker: _WorkerFixup) -> None:
    first = run(worker, relay_events)

    assert run(worker, prune_events) != first
    assert connection.connection is None
