"""What becomes of a reservation: sold whole or in parts, released, extended, expired."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory import services
from inventory.exceptions import (
    InvalidLines,
    InvalidReservation,
    RefusedLines,
    ReservationExpired,
    ReservationNotFound,
    ReservationStateConflict,
)
from inventory.models import Reservation, ReservationLine, StockLevel, StockMovement
from inventory.services import reservation_transitions
from inventory.services.reservation_requests import MAX_EXPIRES_IN_SECONDS, MAX_RESERVATION_LINES
from inventory.tasks import expire_reservations
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import OURS, lines_of, outlive, quantities, reserve

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def _two_places() -> None:
    """Ten of A-1 and B-1 at `main`, which comes first, and five at `west`."""
    make_location("main", priority=1)
    make_location("west", priority=2)
    for sku in ("A-1", "B-1"):
        make_product(sku)
        set_stock(sku, "main", 10)
        set_stock(sku, "west", 5)


def commit(reservation: Reservation, *lines: tuple[str, int], client: str | None = OURS) -> Reservation:
    return services.commit_reservation(reservation_id=reservation.pk, client=client, lines=lines or None)


def release(reservation: Reservation, client: str | None = OURS) -> Reservation:
    return services.release_reservation(reservation_id=reservation.pk, client=client)


def extend(reservation: Reservation, seconds: int = 60, client: str | None = OURS) -> Reservation:
    return services.extend_reservation(reservation_id=reservation.pk, client=client, expires_in=seconds)


def sweep(reservation: Reservation) -> None:
    outlive(reservation)
    assert services.expire_reservations() == 1


def announced() -> list[tuple[str, str]]:
    events = Event.objects.filter(type__startswith="reservation.").order_by("id")
    return [(event.type.partition(".")[2], event.data["reservation"]["status"]) for event in events]


def test_a_commit_sells_what_is_reserved_and_leaves_what_is_available() -> None:
    reservation = reserve(("A-1", 12))

    committed = commit(reservation)

    assert committed.status == "committed"
    assert lines_of(reservation) == [("A-1", "main", 10, 0, 10), ("A-1", "west", 2, 0, 2)]
    assert (quantities(), quantities("A-1", "west")) == ((0, 0, 0), (3, 0, 3))
    sales = StockMovement.objects.filter(reason="sale").order_by("id")
    assert [(sale.delta, sale.on_hand_after, sale.reference) for sale in sales] == [(-10, 0, "R-1"), (-2, 3, "R-1")]
    assert announced() == [("created", "active"), ("committed", "committed")]
    assert find_mismatches() == []


def test_a_part_is_sold_and_the_rest_stays_reserved() -> None:
    reservation = reserve(("A-1", 12), ("B-1", 3))

    partly = commit(reservation, ("a-1", 11))

    assert partly.status == "active"
    assert lines_of(reservation) == [
        ("A-1", "main", 10, 0, 10),
        ("A-1", "west", 2, 1, 1),
        ("B-1", "main", 3, 3, 0),
    ]
    assert (quantities(), quantities("A-1", "west"), quantities("B-1")) == ((0, 0, 0), (4, 1, 3), (10, 3, 7))
    assert commit(reservation, ("A-1", 1), ("B-1", 2), ("B-1", 1)).status == "committed"
    assert announced() == [("created", "active"), ("committed", "active"), ("committed", "committed")]
    assert find_mismatches() == []


@pytest.mark.parametrize("kinds", ["nestloop", "nestloop material", "hashjoin", "mergejoin"])
def test_all_lines_count_whatever_joins_postgresql_plans(kinds: str) -> None:
    reservation = reserve(("B-1", 3), ("A-1", 12))
    plan_joins(kinds)

    extended = extend(reservation)
    partly = commit(reservation, ("A-1", 11))

    assert lines_of(reservation) == [("B-1", "main", 3, 3, 0), ("A-1", "main", 10, 0, 10), ("A-1", "west", 2, 1, 1)]
    assert [len(each.shown["lines"]) for each in (extended, partly)] == [3, 3]
    assert len(release(reservation).shown["lines"]) == 3
    assert find_mismatches() == []


def plan_joins(kinds: str) -> None:
    """Has PostgreSQL plan only joins of these kinds, to the end of the transaction, and plan each statement anew."""
    with connection.cursor() as cursor:
        for kind in {"nestloop", "hashjoin", "mergejoin", "material", "hashagg"} - set(kinds.split()):
            cursor.execute(f"SET LOCAL enable_{kind} = off")
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")


def test_a_part_is_refused_where_the_end_comes_after_the_look_at_the_reservation(monkeypatch) -> None:
    reservation = reserve(("A-1", 12))
    lock = reservation_transitions._lock_reservation

    def lock_just_before_the_end(parameters: dict[str, Any]) -> Reservation:
        found = lock(parameters)
        outlive(found)
        return found

    monkeypatch.setattr(reservation_transitions, "_lock_reservation", lock_just_before_the_end)

    with pytest.raises(ReservationExpired):
        commit(reservation, ("A-1", 1))

    assert lines_of(reservation) == [("A-1", "main", 10, 10, 0), ("A-1", "west", 2, 2, 0)]
    assert announced() == [("created", "active")]


def test_more_than_is_reserved_is_refused_by_line_and_nothing_is_sold() -> None:
    reservation = reserve(("A-1", 3), ("B-1", 2))
    commit(reservation, ("A-1", 1))
    before = (StockMovement.objects.count(), Event.objects.count())

    with pytest.raises(RefusedLines) as refused:
        commit(reservation, ("B-1", 1), ("A-1", 2), ("A-1", 1))

    detail = "2 of A-1 are reserved still, 3 were to be committed."
    assert [(one.pointer, one.code, one.detail) for one in refused.value.errors] == [
        ("/lines/2", "exceeds_reservation", detail)
    ]
    assert (StockMovement.objects.count(), Event.objects.count()) == before
    assert quantities("B-1") == (10, 2, 8)


def test_skus_that_it_does_not_hold_are_named() -> None:
    reservation = reserve(("A-1", 3))

    with pytest.raises(InvalidLines) as refused:
        commit(reservation, ("A-1", 1), ("B-1", 1))

    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/lines/1/sku", "unknown_sku")]
    assert quantities() == (10, 3, 7)


@pytest.mark.parametrize("count", [0, MAX_RESERVATION_LINES + 1])
def test_the_number_of_committed_lines_is_limited(count: int) -> None:
    reservation = reserve(("A-1", 3))

    with pytest.raises(InvalidReservation):
        services.commit_reservation(reservation_id=reservation.pk, client=OURS, lines=[("A-1", 1)] * count)


def test_facts_that_oversell_a_level_do_not_keep_a_commit_from_it() -> None:
    reservation = reserve(("A-1", 8, "main"))
    services.adjust_stock(sku="A-1", location="main", delta=-7, reason="damage")
    assert quantities() == (3, 8, -5)

    commit(reservation)

    level = StockLevel.objects.get(variant__sku="A-1", location__code="main")
    assert (quantities(), level.is_oversold) == ((-5, 0, -5), True)
    assert Event.objects.filter(type="stock.oversold").count() == 1
    assert find_mismatches() == []


def test_a_release_makes_the_held_units_available() -> None:
    reservation = reserve(("A-1", 12))
    commit(reservation, ("A-1", 4))

    released = release(reservation)

    assert released.status == "released"
    assert lines_of(reservation) == [("A-1", "main", 10, 0, 4), ("A-1", "west", 2, 0, 0)]
    assert (quantities(), quantities("A-1", "west")) == ((6, 0, 6), (5, 0, 5))
    assert announced() == [("created", "active"), ("committed", "active"), ("released", "released")]
    assert find_mismatches() == []


@pytest.mark.parametrize("end", [release, sweep])
def test_a_release_to_an_oversold_level_is_not_refused(end) -> None:
    reservation = reserve(("A-1", 8, "main"))
    services.adjust_stock(sku="A-1", location="main", delta=-12, reason="damage")

    end(reservation)

    level = StockLevel.objects.get(variant__sku="A-1", location__code="main")
    assert (quantities(), level.is_oversold) == ((-2, 0, -2), True)
    assert find_mismatches() == []


def test_a_release_mends_a_level_that_was_oversold() -> None:
    reservation = reserve(("A-1", 8, "main"))
    services.adjust_stock(sku="A-1", location="main", delta=-7, reason="damage")

    release(reservation)

    assert not StockLevel.objects.filter(is_oversold=True).exists()
    assert quantities() == (3, 0, 3)


def test_extending_counts_from_now() -> None:
    reservation = reserve(("A-1", 1), expires_in=5)

    extended = extend(reservation, 3600)

    left = extended.expires_at - reservation.created_at
    assert 3600 <= left.total_seconds() < 3605
    assert announced() == [("created", "active")]
    with pytest.raises(InvalidReservation):
        extend(reservation, MAX_EXPIRES_IN_SECONDS + 1)


@pytest.mark.parametrize(("transition", "status"), [(commit, "committed"), (release, "released")])
def test_a_transition_that_is_done_is_done_once(transition, status: str) -> None:
    reservation = reserve(("A-1", 4))
    transition(reservation)
    before = (StockMovement.objects.count(), Event.objects.count(), quantities())

    assert transition(reservation).status == status
    assert (StockMovement.objects.count(), Event.objects.count(), quantities()) == before


@pytest.mark.parametrize(
    ("first", "then", "refusal", "says"),
    [
        (commit, release, ReservationStateConflict, "is committed"),
        (commit, extend, ReservationStateConflict, "is committed"),
        (release, commit, ReservationStateConflict, "is released"),
        (release, extend, ReservationStateConflict, "is released"),
        (sweep, commit, ReservationExpired, "is expired"),
        (sweep, release, ReservationExpired, "is expired"),
        (sweep, extend, ReservationExpired, "is expired"),
        (outlive, commit, ReservationExpired, "is expired"),
        (outlive, release, ReservationExpired, "is expired"),
        (outlive, extend, ReservationExpired, "is expired"),
    ],
)
def test_a_transition_that_the_status_forbids_is_refused_with_the_status(first, then, refusal, says: str) -> None:
    reservation = reserve(("A-1", 4))
    first(reservation)
    before = (StockMovement.objects.count(), Event.objects.count(), quantities())

    with pytest.raises(refusal, match=says):
        then(reservation)

    assert (StockMovement.objects.count(), Event.objects.count(), quantities()) == before


@pytest.mark.parametrize("transition", [commit, release, extend])
def test_another_clients_reservation_does_not_exist(transition) -> None:
    reservation = reserve(("A-1", 4))

    with pytest.raises(ReservationNotFound):
        transition(reservation, client="client:other")

    assert transition(reservation, client=None)


def test_the_sweep_expires_overdue_reservations_and_no_others() -> None:
    over = [reserve(("A-1", 2), ("B-1", 1), reference=f"O-{number}") for number in range(3)]
    alive, sold = reserve(("A-1", 2), reference="alive"), reserve(("A-1", 1), reference="sold")
    commit(sold)
    commit(over[0], ("A-1", 1))
    outlive(*over, sold)

    assert expire_reservations() == 3
    assert expire_reservations() == 0

    assert set(Reservation.objects.filter(status="expired")) == set(over)
    assert (quantities(), quantities("B-1")) == ((8, 2, 6), (10, 0, 10))
    assert lines_of(over[0]) == [("A-1", "main", 2, 0, 1), ("B-1", "main", 1, 0, 0)]
    assert lines_of(alive) == [("A-1", "main", 2, 2, 0)]
    ended = Event.objects.filter(type="reservation.expired")
    assert {(event.subject, event.actor) for event in ended} == {(f"reservation:{one.pk}", "system") for one in over}
    assert find_mismatches() == []


@pytest.mark.parametrize(("end", "event"), [(release, "released"), (commit, "committed"), (sweep, "expired")])
def test_a_reservation_that_holds_nothing_ends_with_its_event(end, event: str) -> None:
    """No service makes one, and no constraint refuses it."""
    reservation = reserve(("A-1", 1))
    ReservationLine.objects.update(reserved=0)
    StockLevel.objects.update(reserved=0)

    end(reservation)

    assert announced() == [("created", "active"), (event, event)]


def test_the_sweep_goes_on_until_nothing_is_left(monkeypatch) -> None:
    monkeypatch.setattr(reservation_transitions, "MAX_EXPIRED_AT_ONCE", 2)
    outlive(*[reserve(("A-1", 1), reference=f"O-{number}") for number in range(5)])

    assert expire_reservations() == 5
    assert quantities() == (10, 0, 10)


def test_the_number_of_statements_does_not_grow_with_the_expired_reservations() -> None:
    skus = [f"S-{number}" for number in range(40)]
    for sku in skus:
        make_product(sku)
        set_stock(sku, "main", 20)

    def statements(job) -> int:
        with CaptureQueriesContext(connection) as captured:
            job()
        return len(captured)

    few = reserve(*[(sku, 2) for sku in skus[:2]], reference="few")
    many = reserve(*[(sku, 2) for sku in skus], reference="many")
    assert statements(lambda: commit(few)) == statements(lambda: commit(many)) == 1
    few = reserve(*[(sku, 2) for sku in skus[:2]], reference="few in parts")
    many = reserve(*[(sku, 2) for sku in skus], reference="many in parts")
    assert statements(lambda: commit(few, (skus[0], 1))) == 3
    assert statements(lambda: commit(many, *[(sku, 1) for sku in skus])) == 3
    few = reserve(*[(sku, 2) for sku in skus[:2]], reference="few 2")
    many = reserve(*[(sku, 2) for sku in skus], reference="many 2")
    assert statements(lambda: release(few)) == statements(lambda: release(many)) == 1
    outlive(reserve(("A-1", 1), reference="one"))
    one = statements(expire_reservations)
    outlive(*[reserve(("A-1", 1), ("B-1", 1), reference=f"O-{number}") for number in range(5)])
    # The last of them finds nothing more.
    assert one == statements(expire_reservations) == 1 + 1
