"""Promises of seconds, on a machine that may be busy with what is not the test's."""

import time

_WORK_SECONDS = 0.2


def is_within(seconds: float, promised: float) -> bool:
    """Returns whether something took no longer than promised.

    A promise holds on a machine that has time for it: where the processors are busy, it is as much longer as work takes
    longer there.
    """
    return seconds < promised or seconds < promised * _slowdown()


def _slowdown() -> float:
    """Returns how many times longer work takes now than with a processor to itself."""
    began, used = time.perf_counter(), time.thread_time()
    while time.thread_time() - used < _WORK_SECONDS:
        continue
    return (time.perf_counter() - began) / _WORK_SECONDS
