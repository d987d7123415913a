"""What hangs keeps nobody waiting, and is asked once at a time."""

import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection
from redis.exceptions import TimeoutError as RedisTimeoutError

from pms_backend.operations import bounded_reading, health, measurements
from pms_backend.operations.bounded_reading import OUTAGE_SECONDS, BoundedReading, NoAnswer

# Longer than a thread takes to begin on a busy machine.
LONG = 20


@pytest.fixture(autouse=True)
def _reads_in_place() -> None:
    """Not here: it reads in threads of its own."""


class Server:
    """What is read; it answers when it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.calls = 0
        self.error: Exception | None = None

    def read(self) -> int:
        self.calls += 1
        self.may_answer.wait(LONG)
        if self.error:
            raise self.error
        return self.calls


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.may_answer.set()


def test_a_fresh_answer_is_shared(server: Server):
    server.may_answer.set()
    reading = BoundedReading(server.read, fresh_seconds=LONG)

    assert [reading.get(LONG) for _ in range(3)] == [1, 1, 1]
    assert reading.failing_seconds == 0
    assert reading.answering_seconds > 0


def test_an_old_answer_is_read_again(server: Server):
    server.may_answer.set()
    reading = BoundedReading(server.read, fresh_seconds=0.01)

    first = reading.get(LONG)
    time.sleep(0.02)

    assert reading.get(LONG) == first + 1


def test_what_hangs_is_asked_once_and_its_callers_do_not_wait(server: Server):
    reading = BoundedReading(server.read)

    for _ in range(3):
        with pytest.raises(NoAnswer, match=r"^no answer for 0 s$"):
            reading.get(0.01)

    assert server.calls <= 1
    assert reading.failing_seconds > 0


def test_a_caller_waits_from_the_beginning_of_the_run(server: Server):
    reading = BoundedReading(server.read)
    reading.refresh()
    reading._began_at -= LONG

    began = time.monotonic()
    with pytest.raises(NoAnswer, match=r"^no answer for"):
        reading.get(LONG)

    assert time.monotonic() - began < LONG


def test_who_waits_begins_no_run(server: Server):
    server.may_answer.set()
    reading = BoundedReading(server.read, fresh_seconds=0.01)
    reading.get(LONG)
    time.sleep(0.02)

    assert reading.wait(LONG, since=time.monotonic()) == server.calls == 1


@pytest.fixture
def quick() -> Server:
    server = Server()
    server.may_answer.set()
    return server


def test_what_answers_is_asked_once_while_others_hang(server: Server, quick: Server, monkeypatch: pytest.MonkeyPatch):
    """All have one deadline, so that the answer comes in time."""
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(health, "DATABASE", BoundedReading(server.read))
    answering = [(health, "REDIS"), (health, "STORAGE"), (measurements, "MEASURED"), (measurements, "SLOWLY_MEASURED")]
    for module, name in answering:
        monkeypatch.setattr(module, name, BoundedReading(quick.read, fresh_seconds=0.01))

    list(measurements.REGISTRY.collect())

    assert quick.calls == len(answering)


@pytest.mark.parametrize(("silent_seconds", "is_outage"), [(OUTAGE_SECONDS, True), (OUTAGE_SECONDS * 3 / 4, False)])
def test_only_a_long_silence_is_an_outage(server: Server, silent_seconds: float, is_outage: bool):
    server.may_answer.set()
    reading = BoundedReading(server.read, fresh_seconds=0.01)
    reading.get(LONG)
    reading._answering_since = time.monotonic() - 1000
    server.may_answer.clear()
    time.sleep(0.02)
    reading.refresh()
    assert reading._failing_since is not None
    reading._failing_since -= silent_seconds
    server.may_answer.set()

    while reading._is_wanted:
        time.sleep(0.01)

    assert reading.failing_seconds == 0
    assert (reading.answering_seconds < 1000) is is_outage


@pytest.mark.parametrize("error", [TimeoutError(), RedisTimeoutError()])
def test_what_is_too_slow_once_has_no_outage_and_has_one_if_it_goes_on(server: Server, error: Exception):
    server.may_answer.set()
    reading = BoundedReading(server.read, fresh_seconds=0.01)
    reading.get(LONG)
    server.error = error
    time.sleep(0.02)

    with pytest.raises(type(error)):
        reading.get(LONG)
    assert reading.answering_seconds > 0
    time.sleep(0.02)
    assert reading._failing_since is not None
    reading._failing_since -= OUTAGE_SECONDS
    with pytest.raises(type(error)):
        reading.get(LONG)

    assert reading.answering_seconds == 0


def test_an_error_reaches_the_caller_and_the_next_run_succeeds(server: Server):
    server.may_answer.set()
    server.error = ValueError("wrong")
    reading = BoundedReading(server.read, fresh_seconds=0.01)

    with pytest.raises(ValueError, match=r"^wrong$"):
        reading.get(LONG)
    assert reading.answering_seconds == 0
    server.error = None
    time.sleep(0.02)

    assert reading.get(LONG) == 2
    assert reading.failing_seconds == 0


def test_a_failure_is_tried_again_as_soon_as_elsewhere(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded_reading, "FRESH_SECONDS", 0.01)
    server.may_answer.set()
    server.error = ValueError("wrong")
    reading = BoundedReading(server.read, fresh_seconds=LONG)
    with pytest.raises(ValueError, match=r"^wrong$"):
        reading.get(LONG)
    server.error = None
    time.sleep(0.02)

    assert [reading.get(LONG) for _ in range(2)] == [2, 2]


@pytest.mark.django_db(transaction=True)
def test_the_connection_to_the_database_is_closed_after_a_failure():
    sessions: list[int] = []

    def read() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            sessions.append(cursor.fetchone()[0])
            cursor.execute("SELECT 1 / 0")

    reading = BoundedReading(read, fresh_seconds=0.01)
    for _ in range(2):
        with pytest.raises(Exception, match="division by zero"):
            reading.get(LONG)
        time.sleep(0.02)

    assert len(set(sessions)) == len(sessions) == 2


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_since_the_last_run_is_replaced():
    reading = BoundedReading(own_pid, fresh_seconds=0)
    before = reading.get(LONG)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [before])

    after = reading.get(LONG)

    assert after != before
    assert reading.failing_seconds == 0
    close_own(reading)


def close_own(reading: BoundedReading[int]) -> None:
    """Ends the connection of its thread, which would hold the test's database."""
    reading.read = lambda: connection.close() or 0
    reading.get(LONG)


def own_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
