"""Reserving: all lines or none, from the right locations, once for each reference."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory import services
from inventory.exceptions import (
    InvalidLines,
    InvalidQuantity,
    InvalidReservation,
    LocationHoldsStock,
    ReferenceConflict,
    RefusedLines,
)
from inventory.models import MAX_QUANTITY, Reservation, ReservationLine, StockMovement
from inventory.services import reservations
from inventory.services.reservation_requests import (
    MAX_EXPIRES_IN_SECONDS,
    MAX_RESERVATION_LINES,
    MIN_EXPIRES_IN_SECONDS,
)
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from products import services as products
from products.models import Variant
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import lines_of, outlive, quantities, reserve

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


def written() -> tuple[int, int, int, int]:
    models = (Reservation, ReservationLine, StockMovement, Event)
    return tuple(model.objects.count() for model in models)


def shortages(refused: pytest.ExceptionInfo[RefusedLines]) -> list[tuple[str, str, str]]:
    return [(error.pointer, error.code, error.detail) for error in refused.value.errors]


def test_reserved_units_are_on_hand_and_not_available() -> None:
    reservation = reserve(("A-1", 4))

    assert lines_of(reservation) == [("A-1", "main", 4, 4, 0)]
    assert quantities() == (10, 4, 6)
    assert StockMovement.objects.filter(level__variant__sku="A-1").count() == 2
    changed, created = Event.objects.order_by("id")[Event.objects.count() - 2 :]
    assert (changed.type, changed.subject, changed.data["movement"]) == ("stock.changed", "level:main/A-1", None)
    assert (changed.data["level"]["reserved"], changed.data["level"]["available"]) == (4, 6)
    assert (created.type, created.subject) == ("reservation.created", f"reservation:{reservation.pk}")
    assert created.data["reservation"]["lines"] == [{"sku": "A-1", "location": "main", "quantity": 4, "committed": 0}]
    assert find_mismatches() == []


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (10, {"main": 10}),
        (11, {"main": 10, "west": 1}),
        (15, {"main": 10, "west": 5}),
    ],
)
def test_a_line_is_served_by_the_first_location_with_all_units_or_split(quantity: int, expected: dict) -> None:
    reservation = reserve(("A-1", quantity))

    assert {line[1]: line[2] for line in lines_of(reservation)} == expected


def test_a_later_location_with_all_units_comes_before_splitting() -> None:
    services.adjust_stock(sku="A-1", location="main", delta=-7, reason="sale")

    reservation = reserve(("A-1", 4))

    assert lines_of(reservation) == [("A-1", "west", 4, 4, 0)]


def test_the_code_decides_between_locations_of_one_priority() -> None:
    make_location("annex", priority=1)
    set_stock("A-1", "annex", 10)

    assert lines_of(reserve(("A-1", 1))) == [("A-1", "annex", 1, 1, 0)]


def test_a_closed_location_serves_nothing() -> None:
    make_location("old", priority=0)
    services.update_location(code="old", values={"is_active": False})

    with pytest.raises(RefusedLines) as refused:
        reserve(("A-1", 1), ("A-1", 1, "old"))

    assert shortages(refused) == [("/lines/1/location", "location_inactive", "The location old is not active.")]
    assert lines_of(reserve(("A-1", 1))) == [("A-1", "main", 1, 1, 0)]


def test_a_location_with_reserved_stock_is_not_closed() -> None:
    services.update_level(sku="A-1", location="main", values={"backorder_limit": 20})
    services.adjust_stock(sku="A-1", location="main", delta=-10, reason="sale")
    services.adjust_stock(sku="B-1", location="main", delta=-10, reason="sale")
    reserve(("A-1", 1, "main"))

    with pytest.raises(LocationHoldsStock):
        services.update_location(code="main", values={"is_active": False})


def test_a_line_with_a_location_is_served_there_alone() -> None:
    before = written()

    with pytest.raises(RefusedLines) as refused:
        reserve(("A-1", 6, "west"))

    detail = "5 of A-1 are available at west, 6 were asked for."
    assert shortages(refused) == [("/lines/0", "insufficient_stock", detail)]
    assert written() == before
    assert quantities("A-1", "west") == (5, 0, 5)


def test_lines_with_a_location_are_served_before_those_that_may_go_anywhere() -> None:
    reservation = reserve(("A-1", 5), ("A-1", 10, "main"), ("B-1", 1))

    assert lines_of(reservation) == [
        ("A-1", "main", 10, 10, 0),
        ("A-1", "west", 5, 5, 0),
        ("B-1", "main", 1, 1, 0),
    ]


def test_one_sku_in_two_lines_is_served_once_from_each_level() -> None:
    reservation = reserve(("A-1", 6), ("a-1 ", 4))

    assert lines_of(reservation) == [("A-1", "main", 10, 10, 0)]
    assert quantities() == (10, 10, 0)


def test_all_lines_or_none_and_each_that_cannot_be_served_is_named() -> None:
    before = written()

    with pytest.raises(RefusedLines) as refused:
        reserve(("A-1", 16), ("B-1", 2), ("A-1", 11, "main"), ("B-1", 14))

    assert refused.value.code == "insufficient_stock"
    assert shortages(refused) == [
        ("/lines/0", "insufficient_stock", "15 of A-1 are available, 16 were asked for."),
        ("/lines/2", "insufficient_stock", "10 of A-1 are available at main, 11 were asked for."),
        ("/lines/3", "insufficient_stock", "13 of B-1 are available, 14 were asked for."),
    ]
    assert written() == before
    assert quantities("B-1") == (10, 0, 10)


def test_backorder_limits_are_used_after_the_available_units() -> None:
    services.update_level(sku="A-1", location="main", values={"backorder_limit": 3})

    reservation = reserve(("A-1", 17))

    assert lines_of(reservation) == [("A-1", "main", 12, 12, 0), ("A-1", "west", 5, 5, 0)]
    assert quantities() == (10, 12, -2)
    with pytest.raises(RefusedLines):
        reserve(("A-1", 2), reference="R-2")
    reserve(("A-1", 1), reference="R-2")
    assert quantities() == (10, 13, -3)
    assert find_mismatches() == []


def test_an_oversold_level_serves_nothing_while_it_is_oversold() -> None:
    services.adjust_stock(sku="A-1", location="main", delta=-12, reason="damage")

    with pytest.raises(RefusedLines) as refused:
        reserve(("A-1", 1, "main"))

    assert shortages(refused)[0][2] == "0 of A-1 are available at main, 1 were asked for."
    assert lines_of(reserve(("A-1", 1))) == [("A-1", "west", 1, 1, 0)]
    assert find_mismatches() == []


def test_unknown_names_are_refused_by_line() -> None:
    with pytest.raises(InvalidLines) as refused:
        reserve(("A-1", 1), ("NOPE", 1), ("B-1", 1, "nowhere"))

    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/lines/1/sku", "unknown_sku"),
        ("/lines/2/location", "unknown_location"),
    ]
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(("status", "is_seen"), [("draft", False), ("active", True), ("archived", False)])
def test_a_storefront_reserves_only_published_skus(status: str, is_seen: bool) -> None:
    make_product("C-1", status="active" if status == "active" else "draft")
    set_stock("C-1", "main", 3)
    if status == "archived":
        products.archive_product(product_id=Variant.objects.get(sku="C-1").product_id)

    if is_seen:
        assert reserve(("C-1", 1), published_only=True)
        return
    with pytest.raises(InvalidLines) as refused:
        reserve(("C-1", 1), published_only=True)

    assert refused.value.errors[0].code == "unknown_sku"
    assert reserve(("C-1", 1))


@pytest.mark.parametrize("quantity", [0, -1, MAX_QUANTITY + 1])
def test_a_quantity_out_of_bounds_is_refused(quantity: int) -> None:
    with pytest.raises(InvalidQuantity):
        reserve(("A-1", quantity))


@pytest.mark.parametrize("count", [0, MAX_RESERVATION_LINES + 1])
def test_the_number_of_lines_is_limited(count: int) -> None:
    with pytest.raises(InvalidReservation):
        reserve(*[("A-1", 1)] * count)


@pytest.mark.parametrize("seconds", [MIN_EXPIRES_IN_SECONDS - 1, MAX_EXPIRES_IN_SECONDS + 1])
def test_the_duration_is_limited(seconds: int) -> None:
    with pytest.raises(InvalidReservation):
        reserve(("A-1", 1), expires_in=seconds)


@pytest.mark.parametrize("seconds", [MIN_EXPIRES_IN_SECONDS, 15 * 60, MAX_EXPIRES_IN_SECONDS])
def test_it_expires_after_the_requested_duration(seconds: int) -> None:
    reservation = reserve(("A-1", 1), expires_in=seconds)

    held = reservation.expires_at - reservation.created_at
    assert seconds <= held.total_seconds() < seconds + 5


def test_the_same_lines_again_are_the_same_reservation() -> None:
    first = reserve(("A-1", 3), ("A-1", 2), ("B-1", 1, "main"))
    before = written()

    again, is_new = services.reserve_stock(
        client="client:shop",
        reference="R-1",
        lines=[
            services.ReservationRequest(sku="b-1", quantity=1, location="main"),
            services.ReservationRequest(sku="A-1", quantity=5),
        ],
    )

    assert (again.pk, is_new) == (first.pk, False)
    assert written() == before


@pytest.mark.parametrize("lines", [[("A-1", 4)], [("A-1", 3, "main")], [("A-1", 3), ("B-1", 1)], [("B-1", 3)]])
def test_other_lines_under_the_same_reference_are_a_conflict(lines: list) -> None:
    reserve(("A-1", 3))
    before = written()

    with pytest.raises(ReferenceConflict):
        reserve(*lines)

    assert written() == before


def test_another_client_has_references_of_its_own() -> None:
    ours, theirs = reserve(("A-1", 3)), reserve(("B-1", 3), client="client:other")

    assert ours.pk != theirs.pk


def test_a_committed_one_keeps_its_reference_and_a_released_one_does_not() -> None:
    first = reserve(("A-1", 3))
    services.commit_reservation(reservation_id=first.pk, client=None)

    assert reserve(("A-1", 3)).pk == first.pk

    second = reserve(("A-1", 3), reference="R-2")
    services.release_reservation(reservation_id=second.pk, client=None)
    assert reserve(("B-1", 3), reference="R-2").pk != second.pk


def test_the_same_reference_after_its_time_is_a_new_reservation() -> None:
    first = reserve(("A-1", 10, "main"))
    outlive(first)

    second = reserve(("A-1", 8, "main"))

    first.refresh_from_db()
    assert (first.status, second.pk == first.pk) == ("expired", False)
    assert quantities() == (10, 8, 2)
    kinds = Event.objects.filter(type__startswith="reservation.").order_by("id").values_list("type", "actor")
    assert [kind for kind, _ in kinds] == ["reservation.created", "reservation.expired", "reservation.created"]
    assert find_mismatches() == []


def test_a_reference_can_be_used_again_however_many_others_are_overdue(monkeypatch) -> None:
    monkeypatch.setattr(reservations, "MAX_EXPIRED_AT_ONCE", 1)
    other, first = reserve(("A-1", 1), reference="R-0"), reserve(("A-1", 1))
    outlive(other, first)

    second = reserve(("A-1", 1))
    # A closed reservation that holds units is refused at the commit.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    assert dict(Reservation.objects.values_list("id", "status")) == {
        other.pk: "active",
        first.pk: "expired",
        second.pk: "active",
    }
    assert lines_of(first) == [("A-1", "main", 1, 0, 0)]
    assert find_mismatches() == []


def test_units_of_expired_reservations_are_released_first() -> None:
    dead = [reserve(("A-1", 5, "main"), ("B-1", 1), reference=f"D-{number}") for number in range(2)]
    alive = reserve(("B-1", 2), reference="D-3")
    outlive(*dead)

    reservation = reserve(("A-1", 10, "main"))

    assert lines_of(reservation) == [("A-1", "main", 10, 10, 0)]
    assert list(Reservation.objects.filter(status="expired").order_by("id")) == dead
    assert quantities("B-1") == (10, 2, 8)
    assert lines_of(alive) == [("B-1", "main", 2, 2, 0)]
    assert find_mismatches() == []


def test_a_refusal_expires_no_reservation() -> None:
    dead = reserve(("A-1", 5, "main"))
    outlive(dead)
    before = written()

    with pytest.raises(RefusedLines) as refused:
        reserve(("A-1", 11, "main"), reference="R-2")

    dead.refresh_from_db()
    assert shortages(refused)[0][2] == "10 of A-1 are available at main, 11 were asked for."
    assert (dead.status, written()) == ("active", before)


def test_the_number_of_statements_does_not_grow_with_the_lines() -> None:
    skus = [f"S-{number}" for number in range(60)]
    for sku in skus:
        make_product(sku)
        set_stock(sku, "main", 9)
        set_stock(sku, "west", 9)

    def statements(count: int, reference: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            reserve(*[(sku, 2) for sku in skus[:count]], reference=reference)
        return len(captured)

    # Two of them are the savepoint of a call within another's transaction.
    assert statements(2, "few") == statements(60, "many") == 1 + 2


def test_what_few_requests_need_takes_a_few_statements_more() -> None:
    def statements(*lines: tuple, **more: Any) -> int:
        with CaptureQueriesContext(connection) as captured, suppress(RefusedLines, InvalidLines, ReferenceConflict):
            reserve(*lines, **more)
        return sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")) for query in captured)

    # The first finds that the second is needed.
    assert statements(("A-1", 1), ("A-1", 1), reference="one SKU twice") == 1
    assert statements(("A-1", 1_000), reference="short") == 2
    assert statements(("NOPE", 1), reference="unknown") == 3
    assert statements(("A-1", 1), ("A-1", 1), reference="one SKU twice") == 3
    assert statements(("A-1", 3), reference="one SKU twice") == 4
    outlive(Reservation.objects.get())
    assert statements(("B-1", 1), reference="another") == 1
    assert statements(("A-1", 1), reference="after its end") == 2
