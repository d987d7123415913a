"""A service whose transaction PostgreSQL broke off is tried again from its start."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction
from prometheus_client import REGISTRY

from inventory.models import Location
from pms_backend.api.transactions import MAX_TRIES, retried_atomic
from tests.concurrency.threads import at_once
from tests.factories import make_location

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def retries() -> float:
    return REGISTRY.get_sample_value("pms_transaction_retries_total") or 0.0


class Quarrel:
    """Two who lock two rows in opposite orders; on their first try each has one before it wants the other."""

    def __init__(self) -> None:
        self.tries = 0
        self._both_have_one = threading.Barrier(2, timeout=10)

    def lock(self, first: str, second: str, *, waits: list[bool]) -> None:
        self.tries += 1
        Location.objects.select_for_update().get(code=first)
        if waits:
            waits.pop()
            self._both_have_one.wait()
        location = Location.objects.select_for_update().get(code=second)
        location.priority += 1
        location.save(update_fields=["priority"])

    def fight(self, guard: Callable[[Callable], Callable]) -> list[Exception | None]:
        make_location("a", priority=0)
        make_location("b", priority=0)
        return at_once(
            [partial(guard(self.lock), "a", "b", waits=[True]), partial(guard(self.lock), "b", "a", waits=[True])]
        )


def test_without_retries_one_of_two_is_lost():
    quarrel = Quarrel()

    results = quarrel.fight(transaction.atomic)

    assert sorted(type(result) for result in results if result is not None) == [OperationalError]
    assert sum(Location.objects.values_list("priority", flat=True)) == 1


def test_a_deadlock_is_not_visible_to_callers():
    quarrel, before = Quarrel(), retries()

    results = quarrel.fight(retried_atomic)

    assert results == [None, None]
    assert quarrel.tries == 3
    assert retries() - before == 1
    assert list(Location.objects.order_by("code").values_list("code", "priority")) == [("a", 1), ("b", 1)]


def broken_off(sqlstate: str, times: int) -> Callable[[], str]:
    """A service that PostgreSQL breaks off so often, after it has written."""
    left = [True] * times

    @retried_atomic
    def service() -> str:
        make_location(f"l{len(left)}")
        if left:
            left.pop()
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$")
        return "done"

    return service


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("pms_backend.api.transactions.FIRST_PAUSE_SECONDS", 0.0)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_a_service_is_retried_until_it_succeeds_and_failed_attempts_leave_nothing(sqlstate: str):
    assert broken_off(sqlstate, MAX_TRIES - 1)() == "done"
    assert list(Location.objects.values_list("code", flat=True)) == ["l0"]


def test_retries_are_limited():
    before = retries()

    with pytest.raises(OperationalError):
        broken_off("40001", MAX_TRIES)()

    assert retries() - before == MAX_TRIES - 1
    assert not Location.objects.exists()


def test_other_errors_are_not_retried():
    before = retries()

    with pytest.raises(OperationalError):
        broken_off("53200", 1)()

    assert retries() == before


def test_only_the_outermost_transaction_is_retried():
    inner = broken_off("40001", 1)
    tries = []

    @retried_atomic
    def outer() -> str:
        tries.append(1)
        return inner()

    assert outer() == "done"
    assert len(tries) == 2


def test_a_service_joins_an_open_transaction():
    with pytest.raises(OperationalError), transaction.atomic():
        broken_off("40001", 1)()

    assert not Location.objects.exists()
