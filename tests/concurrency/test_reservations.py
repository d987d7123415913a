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
from inventory.exceptions import ReferenceConflict, RefusedLines, ReservationExpired, ReservationStateConflict
from inventory.models import Reservation, StockLevel, StockMovement
from inventory.services import reservations as reserving
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import outlive, quantities, reserve

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


def test_of_sixty_four_for_forty_units_just_forty_win(post: Callable) -> None:
    bodies = [{"reference": f"R-{number}", "lines": [{"sku": "A-1", "quantity": 1}]} for number in range(THREADS)]

    answers = at_once([partial(post, URL, body) for body in bodies])

    assert sorted(answer.status_code for answer in answers) == [201] * UNITS + [409] * (THREADS - UNITS)
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"insufficient_stock"}
    assert (total("on_hand"), total("reserved")) == (UNITS, UNITS)
    assert Event.objects.filter(type="reservation.created").count() == UNITS
    assert find_mismatches() == []


def test_without_the_lock_more_is_promised_than_there_is(monkeypatch) -> None:
    """What the test above would see if levels were read and not locked: the guard behind it refuses the writes."""
    read_by_all = threading.Barrier(8, timeout=30)

    class Unlocked(services.reservations.LevelBatch):
        def __init__(self, keys, **more) -> None:
            super().__init__([])
            self.states = {
                (level.variant_id, level.location_id): services.LevelState(
                    **{name: getattr(level, name) for name in services.LevelState._fields}
                )
                for level in StockLevel.objects.all()
            }
            read_by_all.wait()

    monkeypatch.setattr(reserving, "LevelBatch", Unlocked)

    results = at_once([partial(reserve, ("A-1", 10, "west"), reference=f"R-{number}") for number in range(8)])

    # All eight saw fifteen and took ten. One was faster; the database refused what no reservation explains.
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


def test_a_refused_reference_is_free_for_the_request_that_waited(monkeypatch) -> None:
    """The first inserts the reference and finds too little stock; the second waits, and gets its own lines."""
    has_begun = threading.Event()
    write = reserving._write

    def slow(*arguments):
        has_begun.set()
        time.sleep(0.3)
        return write(*arguments)

    monkeypatch.setattr(reserving, "_write", slow)

    def second() -> Reservation:
        assert has_begun.wait(20)
        return reserve(("A-1", 1), reference="R-1")

    refused, made = at_once([partial(reserve, ("A-1", UNITS + 1), reference="R-1"), second])

    assert isinstance(refused, RefusedLines)
    assert (made.reference, total("reserved")) == ("R-1", 1)
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
