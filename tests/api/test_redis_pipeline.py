"""Exchanges with Redis: by a connection of each thread's own, within their time."""

import os
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
from django.conf import settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError, ResponseError

from pms_backend.api.redis_pipeline import run_pipeline
from tests.concurrency.threads import at_once
from tests.machine import is_within

# redis-py's pools make no more connections than this.
POOLS_LIMIT = 100


def connected() -> int:
    return len(get_redis_connection("default").client_list())


def test_commands_are_answered_in_their_order():
    assert run_pipeline([("SET", "a", 1), ("GET", "a"), ("GET", "none")]) == [b"OK", b"1", None]


def test_a_thread_keeps_its_connection():
    number = run_pipeline([("CLIENT ID",)])

    assert run_pipeline([("CLIENT ID",)]) == number


@pytest.mark.parametrize("cache", ["default", "responses"])
def test_many_short_threads_leave_no_connections(cache: str):
    answers = []
    before = connected()

    for _ in range(POOLS_LIMIT + 20):
        thread = threading.Thread(target=lambda: answers.extend(run_pipeline([("PING",)], cache=cache)))
        thread.start()
        thread.join()

    assert answers == [b"PONG"] * (POOLS_LIMIT + 20)
    # An ended thread's connection ends with it.
    assert connected() - before < 5


def test_a_forked_process_leaves_the_parents_connection_alone():
    (number,) = run_pipeline([("CLIENT ID",)])
    child = os.fork()
    if child == 0:
        os._exit(0 if run_pipeline([("CLIENT ID",)]) != [number] else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert run_pipeline([("CLIENT ID",)]) == [number]


ENDINGS = {
    "with its connection": 'run_pipeline([("PING",)])',
    "with a thread's connection": (
        "def ping():\n    run_pipeline([('PING',)]); made.set(); time.sleep(60)\n"
        "threading.Thread(target=ping, daemon=True).start()\nmade.wait()"
    ),
    "without the connection that it wanted": (
        'with suppress(InvalidCacheBackendError):\n    run_pipeline([("PING",)], cache="missing")'
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interpreter_ends_without_output(ending: str):
    program = (
        "import threading, time\nfrom contextlib import suppress\nimport django\ndjango.setup()\n"
        "from django.core.cache import InvalidCacheBackendError\n"
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
    (number,) = run_pipeline([("CLIENT ID",)])
    get_redis_connection("default").client_kill_filter(_id=number)

    assert run_pipeline([("PING",)]) == [b"PONG"]


@pytest.mark.parametrize("seconds", [None, 0.05])
def test_a_slow_redis_times_out(seconds: float | None):
    run_pipeline([("PING",)])
    get_redis_connection("default").client_pause(2_000, all=False)
    began = time.monotonic()
    try:
        with pytest.raises(RedisError):
            run_pipeline([("SET", "a", 1)], seconds=seconds)
        took = time.monotonic() - began
    finally:
        get_redis_connection("default").execute_command("CLIENT UNPAUSE")

    assert (seconds or settings.REDIS_TIMEOUT_SECONDS) <= took
    assert is_within(took, 2)
    assert run_pipeline([("PING",)]) == [b"PONG"]
