from pms_backend.standalone import limits
from pms_backend.standalone.child import Backoff, describe_end


def test_the_first_restart_comes_at_once_and_the_next_ever_later() -> None:
    backoff = Backoff()

    delays = [backoff.delay(ran_seconds=0.1) for _ in range(9)]

    assert delays == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_whatever_ran_long_enough_is_restarted_at_once_again() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay(ran_seconds=0.1)

    assert backoff.delay(ran_seconds=limits.STABLE_SECONDS) == 0
    assert backoff.delay(ran_seconds=0.1) == limits.FIRST_BACKOFF_SECONDS


def test_an_end_is_told_in_words() -> None:
    assert describe_end(3) == "ended with exit code 3"
    assert describe_end(-9) == "was killed by SIGKILL"
