"""When a call to a PMS that failed is made again."""

from datetime import timedelta

import pytest

from pms_backend.outbound.circuit import LONGEST_WAIT_WHILE_CLOSED
from pms_integration.connectors.contract import ConnectorError, NotCalled
from pms_integration.services.retries import pause_after_call

TRANSIENT = ConnectorError("busy", status=503)


@pytest.mark.parametrize(("failures", "least"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 20), (1_000, 20)])
def test_pauses_double_and_end_within_half_a_minute(failures: int, least: int):
    pause = pause_after_call(TRANSIENT, failures=failures)

    assert pause is not None
    assert timedelta(seconds=least) <= pause <= LONGEST_WAIT_WHILE_CLOSED == timedelta(seconds=30)


def test_a_refusal_is_not_tried_again():
    assert pause_after_call(ConnectorError("no", permanent=True), failures=1) is None
    assert pause_after_call(NotCalled("no", permanent=True), failures=1) is None


@pytest.mark.parametrize("kind", [ConnectorError, NotCalled])
def test_what_is_asked_for_is_obeyed(kind: type[ConnectorError]):
    assert pause_after_call(kind("wait", retry_after=3_600), failures=1) == timedelta(hours=1)


def test_a_wait_that_is_shorter_than_the_pause_does_not_shorten_it():
    pause = pause_after_call(ConnectorError("wait", retry_after=0), failures=6)

    assert pause is not None
    assert pause >= timedelta(seconds=20)
