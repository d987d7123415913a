"""The rate budget of calls: a burst, then an even flow, and a wait that is never longer than allowed."""

import pytest

from pms_backend.outbound import RateExceeded, TokenBucket


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_does_not_wait_and_what_follows_does():
    clock = Clock()
    bucket = TokenBucket(per_second=2, burst=3, clock=clock)

    waits = [bucket.take(longest_wait=10) for _ in range(6)]

    assert waits == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5])


def test_the_bucket_fills_again():
    clock = Clock()
    bucket = TokenBucket(per_second=2, burst=3, clock=clock)
    for _ in range(3):
        bucket.take(longest_wait=0)
    clock.now += 1_000

    assert [bucket.take(longest_wait=10) for _ in range(4)] == pytest.approx([0, 0, 0, 0.5])


def test_a_wait_that_is_too_long_takes_nothing_and_tells_the_time():
    clock = Clock()
    bucket = TokenBucket(per_second=2, burst=1, clock=clock)
    bucket.take(longest_wait=0)

    for _ in range(3):
        with pytest.raises(RateExceeded) as caught:
            bucket.take(longest_wait=0.4)
        assert caught.value.seconds == pytest.approx(0.5)
    clock.now += 0.5

    assert bucket.take(longest_wait=0) == 0
