from pms_backend.standalone import limits
from pms_backend.standalone.supervised_program import RestartDelay, describe_end


def test_the_first_restart_is_immediate_and_the_delays_double() -> None:
    delay = RestartDelay()

    delays = [delay.next_seconds(ran_seconds=0.1) for _ in range(9)]

    assert delays == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_program_that_ran_long_enough_is_restarted_at_once_again() -> None:
    delay = RestartDelay()
    for _ in range(5):
        delay.next_seconds(ran_seconds=0.1)

    assert delay.next_seconds(ran_seconds=limits.STABLE_SECONDS) == 0
    assert delay.next_seconds(ran_seconds=0.1) == limits.SHORTEST_DELAY_SECONDS


def test_an_end_is_described_in_words() -> None:
    assert describe_end(3) == "ended with exit code 3"
    assert describe_end(-9) == "was killed by SIGKILL"
