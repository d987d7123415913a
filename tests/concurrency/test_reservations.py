"""Many at the same stock: nobody is promised what another has, and each reservation ends once."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from inventory import services
from inventory.exceptions import (
    ReferenceConflict,
    RefusedLines,
    ReservationExpired,
    ReservationNotFound,
    ReservationStateConflict,
)
from inventory.models import Reservation, StockLevel, StockMovement
from inventory.services import reservations as reserving
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event
from pms_backend.events.wakeups import WakeUp
from pms_backend.operations.audit import find_mismatches
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import outlive, quantities, reserve
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

THREADS = 64
UNITS = 40
URL = "/api/v1/inventory/reservations/"
SKUS = [f"S-{number}" for number in range(6)]


@pytest.fixture(autouse=True)
def _forty_lamps() -> None:
    """Forty units of A-1, at two locations."""
    make_location("main", priority=1)
    make_location("west", priority=2)
    make_product("A-1")
    set_stock("A-1", "main", 25)
    set_stock("A-1", "west", UNITS - 25)


@pytest.fixture
def post() -> Callable[[str, dict[str, Any]], Any]:
    """Posts as one client, by a connection of the thread's own."""
    key = create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    return lambda path, body: JSONClient().post(path, body, headers={"X-Api-Key": key})


def total(field: str) -> int:
    return sum(StockLevel.objects.filter(variant__sku="A-1").values_list(field, flat=True))


def test_only_what_writes_wakes_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(WakeUp, "send", lambda self, replacing=(): sent.append(self.task))
    commit = partial(services.commit_reservation, client=None)

    with pytest.raises(RefusedLines):
        reserve(("A-1", UNITS + 1))
    with pytest.raises(ReservationNotFound):
        commit(reservation_id=0)
    assert sent == []

    reservation = reserve(("A-1", 1))
    commit(reservation_id=reservation.pk)
    assert len(sent) == 2

    reserve(("A-1", 1))
    commit(reservation_id=reservation.pk)
    assert len(sent) == 2


def test_of_sixty_four_for_forty_units_just_forty_win(post: Callable) -> None:
    bodies = [{"reference": f"R-{number}", "lines": [{"sku": "A-1", "quantity": 1}]} for number in range(THREADS)]

    answers = at_once([partial(post, URL, body) for body in bodies])

    assert sorted(answer.status_code for answer in answers) == [201] * UNITS + [409] * (THREADS - UNITS)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"insufficient_stock"}
    assert (total("on_hand"), total("reserved")) == (UNITS, UNITS)
    assert Event.objects.filter(type="reservation.created").count() == UNITS
    assert find_mismatches() == []


def waiting_sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


def hold_levels(*, until: int, then: Callable[[], object] = lambda: None) -> None:
    """Locks the levels until so many sessions wait."""
    with transaction.atomic():
        list(StockLevel.objects.select_for_update().order_by("id"))
        then()
        wait_until(lambda: waiting_sessions() == until, f"{until} sessions that wait", seconds=20)


def test_without_the_lock_more_is_promised_than_there_is(monkeypatch) -> None:
    """What the test above would see if levels were read and not locked: the guard behind it refuses the writes."""
    unlocked = reserving.RESERVE.replace("FOR NO KEY UPDATE OF level", "")
    assert unlocked != reserving.RESERVE
    monkeypatch.setattr(reserving, "RESERVE", unlocked)
    is_held = threading.Event()

    def reserve_ten(number: int) -> Reservation:
        assert is_held.wait(20)
        return reserve(("A-1", 10, "west"), reference=f"R-{number}")

    _, *results = at_once(
        [partial(hold_levels, until=8, then=is_held.set), *[partial(reserve_ten, n) for n in range(8)]]
    )

    # All eight saw fifteen and took ten. One was faster; the database refused what is not there.
    assert sum(isinstance(result, Reservation) for result in results) == 1
    assert sum(isinstance(result, IntegrityError) for result in results) == 7
    assert find_mismatches() == []


def test_one_reference_at_once_is_one_reservation() -> None:
    results = at_once([partial(reserve, ("A-1", 30), reference="R-1")] * 12)

    assert len({result.pk for result in results}) == Reservation.objects.count() == 1
    assert (total("reserved"), Event.objects.filter(type="reservation.created").count()) == (30, 1)
    assert find_mismatches() == []


def test_one_reference_at_once_with_other_lines_is_a_conflict_for_all_but_one() -> None:
    results = at_once([partial(reserve, ("A-1", 1 + number), reference="R-1") for number in range(8)])

    assert sum(isinstance(result, Reservation) for result in results) == 1
    assert sum(isinstance(result, ReferenceConflict) for result in results) == 7
    assert find_mismatches() == []


def test_a_refused_reference_is_free_for_the_request_that_waited() -> None:
    """The first inserts the reference and finds too little stock; the second waits, and gets its own lines."""
    is_held, is_inserted = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(StockLevel.objects.select_for_update().order_by("id"))
            is_held.set()
            wait_until(lambda: waiting_sessions() == 1, "the first request's wait for the level", seconds=20)
            is_inserted.set()
            wait_until(lambda: waiting_sessions() == 2, "the second request's wait for the reference", seconds=20)

    def after(event: threading.Event, units: int) -> Reservation:
        assert event.wait(20)
        return reserve(("A-1", units), reference="R-1")

    _, refused, made = at_once([hold, partial(after, is_held, UNITS + 1), partial(after, is_inserted, 1)])

    assert isinstance(refused, RefusedLines)
    assert (made.reference, total("reserved")) == ("R-1", 1)
    assert find_mismatches() == []


def test_units_that_others_take_meanwhile_are_not_promised_again() -> None:
    """Both see the units; the one that waits for the level finds another location, or none."""
    for units, left in ((20, 20), (15, 5)):
        services.count_stock(sku="A-1", location="main", on_hand=units)
        services.count_stock(sku="A-1", location="west", on_hand=left)
        is_held = threading.Event()

        def reserve_fifteen(name: str, is_held: threading.Event = is_held, units: int = units) -> Reservation:
            assert is_held.wait(20)
            return reserve(("A-1", 15), reference=f"{name}-{units}")

        _, *results = at_once([
            partial(hold_levels, until=2, then=is_held.set), *[partial(reserve_fifteen, name) for name in ("a", "b")]
        ])  # fmt: skip

        made = [result for result in results if isinstance(result, Reservation)]
        assert len(made) == (2 if left == 20 else 1), results
        assert sum(isinstance(result, RefusedLines) for result in results) == 2 - len(made)
        assert total("reserved") == 15 * len(made)
        for one in made:
            services.release_reservation(reservation_id=one.pk, client=None)
    assert find_mismatches() == []


def test_a_part_that_is_sold_meanwhile_is_not_sold_again() -> None:
    """The second waits for the reservation, and sells what is left."""
    one = reserve(("A-1", 10, "main"))
    is_held = threading.Event()

    def sell(units: int | None) -> Reservation:
        assert is_held.wait(20)
        lines = None if units is None else [("A-1", units)]
        return services.commit_reservation(reservation_id=one.pk, client=None, lines=lines)

    _, *results = at_once([partial(hold_levels, until=2, then=is_held.set), partial(sell, 4), partial(sell, None)])

    one.refresh_from_db()
    assert one.status == "committed"
    assert any(isinstance(result, Reservation) and result.status == "committed" for result in results), results
    assert -sum(StockMovement.objects.filter(reason="sale").values_list("delta", flat=True)) == 10
    assert (total("on_hand"), total("reserved")) == (UNITS - 10, 0)
    assert find_mismatches() == []


def test_lines_in_opposite_orders_and_bulks_over_the_same_skus_deadlock_nobody(post: Callable) -> None:
    for sku in SKUS:
        make_product(sku)
        for location in ("main", "west"):
            set_stock(sku, location, 1_000)

    def client(number: int) -> list[int]:
        order = random.Random(number)
        statuses = []
        for turn in range(4):
            skus = order.sample(SKUS, 5)
            if number % 3 == 0:
                rows = [{"sku": sku, "location": "main", "delta": -1, "reason": "sale"} for sku in skus]
                statuses.append(post("/api/v1/inventory/adjustments/bulk/", {"adjustments": rows}).status_code)
                continue
            lines = [{"sku": sku, "quantity": 2, "location": order.choice([None, "main", "west"])} for sku in skus]
            made = post(URL, {"reference": f"R-{number}-{turn}", "lines": lines})
            statuses.append(made.status_code)
            end = order.choice(["commit", "release", "extend"])
            statuses.append(post(f"{URL}{made.json()['id']}/{end}/", {}).status_code)
        return statuses

    results = at_once([partial(client, number) for number in range(12)])

    assert {status for statuses in results for status in statuses} <= {200, 201}, results
    assert find_mismatches() == []


ENDS: dict[str, Callable[[Reservation], Any]] = {
    "commit": lambda one: services.commit_reservation(reservation_id=one.pk, client=None),
    "release": lambda one: services.release_reservation(reservation_id=one.pk, client=None),
}


def test_a_commit_and_a_release_at_once_end_it_once() -> None:
    for number in range(10):
        one = reserve(("A-1", 2), reference=f"R-{number}")

        results = at_once([partial(end, one) for end in (*ENDS.values(), *ENDS.values())])

        one.refresh_from_db()
        won = [result for result in results if isinstance(result, Reservation)]
        assert {result.status for result in won} == {one.status}
        assert sum(isinstance(result, ReservationStateConflict) for result in results) == 2
        events = Event.objects.filter(subject=f"reservation:{one.pk}").exclude(type="reservation.created")
        assert [event.type for event in events] == [f"reservation.{one.status}"]
    assert total("reserved") == 0
    assert find_mismatches() == []


@pytest.mark.parametrize("name", ENDS)
def test_an_expiry_that_meets_it_at_the_same_moment_leaves_one_winner(name: str) -> None:
    for number in range(10):
        one = reserve(("A-1", 2), reference=f"R-{number}")
        Reservation.objects.filter(pk=one.pk).update(expires_at=Now() + timedelta(seconds=0.05))

        def late(one: Reservation = one) -> Any:
            time.sleep(random.uniform(0.03, 0.07))
            return ENDS[name](one)

        def sweep(one: Reservation = one) -> int:
            swept, deadline = 0, time.monotonic() + 10
            while Reservation.objects.filter(pk=one.pk, status="active").exists() and time.monotonic() < deadline:
                swept += services.expire_reservations()
            return swept

        result, *swept = at_once([late, sweep, sweep])

        one.refresh_from_db()
        won = isinstance(result, Reservation)
        assert won or isinstance(result, ReservationExpired), result
        assert (one.status == "expired", sum(swept)) == (not won, 0 if won else 1)
    sold = StockMovement.objects.filter(reason="sale").count()
    assert sold == Reservation.objects.filter(status="committed").count()
    assert total("reserved") == 0
    assert find_mismatches() == []


def test_two_sweeps_and_a_new_reservation_expire_an_overdue_one_once() -> None:
    over = [reserve(("A-1", 1), reference=f"R-{number}") for number in range(UNITS)]
    outlive(*over)

    first, second, made = at_once(
        [services.expire_reservations, services.expire_reservations, partial(reserve, ("A-1", 20), reference="new")]
    )

    assert first + second <= UNITS
    # A reservation skips what a sweep has locked, so it may come a moment too early.
    assert isinstance(made, Reservation | RefusedLines)
    services.expire_reservations()
    assert Event.objects.filter(type="reservation.expired").count() == UNITS
    assert total("reserved") == (20 if isinstance(made, Reservation) else 0)
    assert find_mismatches() == []


def test_a_sweep_skips_locked_reservations() -> None:
    busy, over = reserve(("A-1", 1), reference="busy"), reserve(("A-1", 1), reference="over")
    outlive(busy, over)

    def sweep() -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout TO '2s'")
            return services.expire_reservations()

    with transaction.atomic():
        Reservation.objects.select_for_update().get(pk=busy.pk)
        (swept,) = at_once([sweep])

    assert swept == 1
    assert set(Reservation.objects.filter(status="expired")) == {over}
    assert quantities() == (25, 1, 24)
