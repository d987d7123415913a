"""The circuit breaker as a state machine."""

from datetime import UTC, datetime, timedelta

import pytest

from pms_backend.outbound.circuit import (
    LONGEST_PAUSE,
    LONGEST_WAIT_WHILE_CLOSED,
    MAX_FAILURES,
    OPENS_AFTER,
    TRIAL_LEASE,
    Circuit,
    CircuitStatus,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def after_failures(count: int, circuit: Circuit = Circuit()) -> Circuit:  # noqa: B008 - it is frozen
    for _ in range(count):
        circuit = circuit.failed(NOW, is_trial=False)
    return circuit


def opened() -> Circuit:
    return after_failures(OPENS_AFTER)


def test_it_stays_closed_until_enough_calls_in_a_row_have_failed():
    almost = after_failures(OPENS_AFTER - 1)

    assert almost == Circuit(failures=OPENS_AFTER - 1)
    assert almost.allows(NOW)
    assert almost.answered(NOW, is_trial=False) == Circuit()


def test_it_opens_for_a_pause():
    circuit = opened()

    assert (circuit.status, circuit.failures) == (CircuitStatus.OPEN, OPENS_AFTER)
    assert circuit.next_try_at is not None
    assert not circuit.allows(circuit.next_try_at - SECOND)
    assert circuit.allows(circuit.next_try_at)


def test_the_first_call_after_the_pause_is_a_trial_and_no_other_is_allowed():
    circuit = opened()
    assert circuit.next_try_at is not None
    then = circuit.next_try_at

    trial = circuit.calling(then)

    assert trial == Circuit(CircuitStatus.HALF_OPEN, OPENS_AFTER, then + TRIAL_LEASE)
    assert not trial.allows(then + TRIAL_LEASE - SECOND)


def test_a_trial_whose_worker_died_is_followed_by_another():
    trial = opened().calling(NOW)

    assert trial.allows(NOW + TRIAL_LEASE)
    assert trial.calling(NOW + TRIAL_LEASE).next_try_at == NOW + 2 * TRIAL_LEASE


def test_a_successful_trial_closes_it():
    assert opened().calling(NOW).answered(NOW, is_trial=True) == Circuit()


def test_failed_trials_double_the_pause_up_to_a_minute():
    circuit, pauses = opened(), []
    for _ in range(6):
        assert circuit.next_try_at is not None
        pauses.append((circuit.next_try_at - NOW).total_seconds())
        circuit = circuit.calling(NOW).failed(NOW, is_trial=True)
        assert circuit.status == CircuitStatus.OPEN

    for pause, least in zip(pauses, (10, 20, 40, 40, 40, 40), strict=True):
        assert least <= pause <= least * 1.5 <= 60
    assert timedelta(seconds=40) == LONGEST_PAUSE


@pytest.mark.parametrize("circuit", [opened(), opened().calling(NOW)], ids=["open", "half-open"])
def test_calls_from_before_it_opened_change_nothing(circuit: Circuit):
    assert circuit.failed(NOW, is_trial=False) == circuit
    assert circuit.answered(NOW, is_trial=False) == circuit


def test_a_closed_circuit_waits_as_long_as_it_is_asked_to():
    circuit = Circuit().answered(NOW, is_trial=False, wait=LONGEST_WAIT_WHILE_CLOSED)

    assert circuit == Circuit(next_try_at=NOW + timedelta(seconds=30))
    assert not circuit.allows(NOW + 29 * SECOND)
    assert circuit.allows(NOW + 30 * SECOND)
    assert circuit.calling(NOW + 30 * SECOND) == circuit


def test_a_success_meanwhile_does_not_shorten_the_wait():
    waiting = Circuit().failed(NOW, is_trial=False, wait=20 * SECOND)

    assert waiting == Circuit(failures=1, next_try_at=NOW + 20 * SECOND)
    assert waiting.answered(NOW + SECOND, is_trial=False) == Circuit(next_try_at=NOW + 20 * SECOND)
    assert waiting.answered(NOW + 20 * SECOND, is_trial=False) == Circuit()


@pytest.mark.parametrize("change", [Circuit.answered, Circuit.failed])
def test_a_longer_wait_than_a_closed_circuit_may_have_opens_it(change):
    circuit = change(Circuit(), NOW, is_trial=False, wait=31 * SECOND)

    assert (circuit.status, circuit.next_try_at) == (CircuitStatus.OPEN, NOW + 31 * SECOND)


def test_an_open_circuit_obeys_a_wait_that_is_longer_than_its_pause():
    circuit = opened().calling(NOW).failed(NOW, is_trial=True, wait=timedelta(hours=1))

    assert circuit.next_try_at == NOW + timedelta(hours=1)


def test_failures_are_counted_up_to_a_number():
    circuit = Circuit(CircuitStatus.HALF_OPEN, MAX_FAILURES, NOW)

    assert circuit.failed(NOW, is_trial=True).failures == MAX_FAILURES
