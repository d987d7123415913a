"""A kind of work takes no more of a worker's threads than it may, and nothing that is asked for is lost."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pms_backend.api.task_limits import ConcurrencyLimit

TIMEOUT_SECONDS = 20


class Work:
    """Counts its runs, which last until `goes_on`."""

    __name__ = __qualname__ = "work"

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self.count = self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.count += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.release()
        assert self.goes_on.wait(TIMEOUT_SECONDS)
        with self._lock:
            self.at_once -= 1
        return 1

    def wait_until_begun(self) -> None:
        assert self.begun.acquire(timeout=TIMEOUT_SECONDS)


def test_it_returns_what_its_function_does() -> None:
    assert ConcurrencyLimit(1)(lambda: 7)() == 7


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_run_at_once(limit: int) -> None:
    work = Work()
    limited = ConcurrencyLimit(limit)(work)

    with ThreadPoolExecutor(10) as threads:
        running = [threads.submit(limited) for _ in range(limit)]
        for _ in range(limit):
            work.wait_until_begun()
        # They come back at once, while the others are still at work.
        refused = [threads.submit(limited).result(TIMEOUT_SECONDS) for _ in range(5)]
        work.goes_on.set()
        total = sum(one.result(TIMEOUT_SECONDS) for one in running)

    assert refused == [0] * 5
    assert work.most_at_once == limit
    # The five refused calls cause one more run together.
    assert (total, work.count) == (limit + 1, limit + 1)


def test_tasks_share_a_limit_and_all_are_run() -> None:
    shared, slow, other = ConcurrencyLimit(1), Work(), Work()
    other.goes_on.set()

    with ThreadPoolExecutor(2) as threads:
        running = threads.submit(shared(slow))
        slow.wait_until_begun()
        assert threads.submit(shared(other)).result(TIMEOUT_SECONDS) == 0
        assert other.count == 0
        slow.goes_on.set()
        running.result(TIMEOUT_SECONDS)

    assert (slow.count, other.count) == (1, 1)


def test_a_failed_task_releases_its_slot() -> None:
    def fails() -> int:
        raise ValueError

    limit = ConcurrencyLimit(1)
    with pytest.raises(ValueError):
        limit(fails)()

    assert limit(lambda: 1)() == 1


def test_no_call_is_lost_among_many_threads() -> None:
    """Whatever was asked for has been run after the last one asked: a call is either run or finds one to do it."""
    asked, done = 0, 0
    lock = threading.Lock()

    def take_all() -> int:
        nonlocal done
        with lock:
            done = asked
        return 1

    limited = ConcurrencyLimit(1)(take_all)

    def ask_often() -> None:
        nonlocal asked
        for _ in range(2_000):
            with lock:
                asked += 1
            limited()

    _run_at_once([ask_often] * 4)

    assert done == asked == 8_000


def _run_at_once(functions: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(functions)) as threads:
        for one in [threads.submit(function) for function in functions]:
            one.result(TIMEOUT_SECONDS)
