"""Exchanges with Redis: by a connection of each thread's own, within their time."""

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest
from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError, ResponseError

from pms_backend.api import redis_pipeline
from pms_backend.api.redis_pipeline import run_pipeline, send_pipeline
from tests.concurrency.threads import at_once
from tests.machine import is_within

# redis-py's pools make no more connections than this.
POOLS_LIMIT = 100


def connected() -> int:
    return len(get_redis_connection("default").client_list())


def test_commands_are_answered_in_their_order():
    assert run_pipeline([("SET", "a", 1), ("GET", "a"), ("GET", "none")]) == [b"OK", b"1", None]


def test_a_thread_keeps_its_connection():
    number = run_pipeline([("CLIENT", "ID")])

    assert run_pipeline([("CLIENT", "ID")]) == number


def test_many_short_threads_leave_no_connections():
    answers = []
    before = connected()

    for _ in range(POOLS_LIMIT + 20):
        thread = threading.Thread(target=lambda: answers.extend(run_pipeline([("PING",)])))
        thread.start()
        thread.join()

    assert answers == [b"PONG"] * (POOLS_LIMIT + 20)
    # An ended thread's connection ends with it.
    assert connected() - before < 5


def test_a_thread_that_redis_has_answered_with_an_error_leaves_no_connection():
    def ask() -> None:
        with suppress(ResponseError):
            run_pipeline([("INCR", "a", "b")])

    before = connected()
    gc.disable()
    try:
        for _ in range(5):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        left = connected() - before
    finally:
        gc.enable()

    assert left <= 0


def test_a_forked_process_leaves_the_parents_connection_alone():
    (number,) = run_pipeline([("CLIENT", "ID")])
    child = os.fork()
    if child == 0:
        os._exit(0 if run_pipeline([("CLIENT", "ID")]) != [number] else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert run_pipeline([("CLIENT", "ID")]) == [number]


ENDINGS = {
    "with its connection": 'run_pipeline([("PING",)])',
    "with a thread's connection": (
        "def ping():\n    run_pipeline([('PING',)]); made.set(); time.sleep(60)\n"
        "threading.Thread(target=ping, daemon=True).start()\nmade.wait()"
    ),
    "without the connection that it wanted": (
        'redis_pipeline.get_redis_connection = lambda _: get_redis_connection("missing")\n'
        'with suppress(InvalidCacheBackendError):\n    run_pipeline([("PING",)])'
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interpreter_ends_without_output(ending: str):
    program = (
        "import threading, time\nfrom contextlib import suppress\nimport django\ndjango.setup()\n"
        "from django.core.cache import InvalidCacheBackendError\n"
        "from django_redis import get_redis_connection\n"
        "from pms_backend.api import redis_pipeline\n"
        "from pms_backend.api.redis_pipeline import run_pipeline\n"
        "made = threading.Event()\n"
    )

    ended = subprocess.run(
        (sys.executable, "-c", program + ENDINGS[ending]), capture_output=True, text=True, timeout=60
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_each_thread_gets_its_own_replies():
    def ask(number: int) -> list[bytes]:
        return [run_pipeline([("ECHO", f"{number}-{turn}")])[0] for turn in range(200)]

    answers = at_once([partial(ask, number) for number in range(8)])

    assert answers == [[f"{number}-{turn}".encode() for turn in range(200)] for number in range(8)]


def test_an_error_of_redis_is_raised_and_the_next_pipeline_works():
    with pytest.raises(ResponseError):
        run_pipeline([("SET", "a", 1), ("INCR", "a", "b"), ("GET", "a")])

    assert run_pipeline([("GET", "a"), ("ECHO", "next")]) == [b"1", b"next"]


def test_a_connection_that_redis_has_closed_is_replaced():
    (number,) = run_pipeline([("CLIENT", "ID")])
    get_redis_connection("default").client_kill_filter(_id=number)

    assert run_pipeline([("PING",)]) == [b"PONG"]


def test_the_replies_of_commands_that_nobody_waited_for_are_skipped():
    send_pipeline([("SET", "a", 1), ("INCR", "a", "b"), ("GET", "a")])
    send_pipeline([("SET", "b", 2)])

    assert run_pipeline([("GET", "a"), ("GET", "b"), ("ECHO", "next")]) == [b"1", b"2", b"next"]
    assert run_pipeline([("PING",)]) == [b"PONG"]


def test_what_nobody_waits_for_is_lost_with_its_connection_and_nothing_else_is():
    (number,) = run_pipeline([("CLIENT", "ID")])
    get_redis_connection("default").client_kill_filter(_id=number)

    with suppress(RedisError):
        send_pipeline([("SET", "a", 1)])

    assert run_pipeline([("ECHO", "next")]) == [b"next"]


@pytest.fixture
def slow_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Redis that takes commands that write and does not reply."""
    monkeypatch.setattr(redis_pipeline, "breaker", redis_pipeline.Breaker())
    run_pipeline([("PING",)])
    get_redis_connection("default").client_pause(60_000, all=False)
    yield
    get_redis_connection("default").execute_command("CLIENT UNPAUSE")
    redis_pipeline.breaker.close()
    assert run_pipeline([("PING",)]) == [b"PONG"]


@pytest.mark.usefixtures("slow_redis")
def test_a_slow_redis_costs_one_timeout_and_is_then_left_alone():
    began = time.monotonic()
    with pytest.raises(RedisError):
        run_pipeline([("SET", "a", 1)])
    took = time.monotonic() - began
    for ask in (run_pipeline, send_pipeline):
        with pytest.raises(redis_pipeline.RedisPaused):
            ask([("PING",)])

    assert took >= settings.REDIS_TIMEOUT_SECONDS
    assert is_within(took, 2)


@pytest.mark.usefixtures("slow_redis")
def test_what_must_not_be_skipped_is_asked_in_a_pause_too():
    with pytest.raises(RedisError):
        run_pipeline([("SET", "a", 1)])

    assert run_pipeline([("PING",)], timeout_in_pause=settings.REDIS_TIMEOUT_SECONDS) == [b"PONG"]
    # It has answered.
    assert run_pipeline([("PING",)]) == [b"PONG"]


@pytest.mark.usefixtures("slow_redis")
def test_in_a_pause_writes_wait_for_a_moment_and_do_not_prolong_it():
    redis_pipeline.breaker.open()
    ends_at = redis_pipeline.breaker._until
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(redis_pipeline.RedisPaused):
            run_pipeline([("SET", "a", 1)], timeout_in_pause=redis_pipeline.TIMEOUT_IN_PAUSE_SECONDS)

    assert is_within(time.monotonic() - began, settings.REDIS_TIMEOUT_SECONDS)
    assert redis_pipeline.breaker._until == ends_at
    # The next exchange has the usual time again.
    assert redis_pipeline._connection()._timeout == settings.REDIS_TIMEOUT_SECONDS


def test_what_cannot_be_sent_in_time_opens_the_breaker_and_takes_no_trial(monkeypatch: pytest.MonkeyPatch):
    def hang(*_: object) -> None:
        raise redis_pipeline.TimedOut

    monkeypatch.setattr(redis_pipeline, "breaker", redis_pipeline.Breaker())
    with monkeypatch.context() as patch:
        patch.setattr(redis_pipeline._ThreadConnection, "send", hang)
        with pytest.raises(redis_pipeline.TimedOut):
            send_pipeline([("PING",)])
    assert redis_pipeline.breaker.is_open
    monkeypatch.setattr(redis_pipeline.breaker, "_until", 0.0)
    with pytest.raises(redis_pipeline.RedisPaused):
        send_pipeline([("PING",)])

    assert run_pipeline([("PING",)]) == [b"PONG"]


def test_a_reply_too_many_is_never_taken_for_the_next_one():
    run_pipeline([("PING",)])
    redis_pipeline._connection()._reader.feed(b"+stray\r\n")

    assert run_pipeline([("ECHO", "next")]) == [b"next"]


@pytest.mark.usefixtures("slow_redis")
def test_after_a_pause_one_thread_tries_again_and_the_others_do_not_wait(monkeypatch: pytest.MonkeyPatch):
    redis_pipeline.breaker.open()
    monkeypatch.setattr(redis_pipeline.breaker, "_until", 0.0)

    def ask() -> str:
        try:
            run_pipeline([("SET", "a", 1)])
        except RedisError as error:
            return type(error).__name__
        return ""

    assert sorted(at_once([ask] * 8)) == ["RedisPaused"] * 7 + ["TimeoutError"]
