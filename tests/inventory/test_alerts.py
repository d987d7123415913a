"""Low and oversold stock: announced once per crossing, whichever way it is crossed, and listed while it lasts."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory import services
from inventory.alerts import MAX_RESERVATIONS_AT_STAKE
from inventory.models import Reservation, ReservationLine, StockLevel
from inventory.services.ledger import LedgerRow, write_locked_levels
from inventory.services.levels import lock_level
from pms_backend.access.models import INTERNAL_TIER, STOREFRONT_TIER, ApiClient
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product, report_stock, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/inventory/alerts/"
CROSSINGS = ("stock.low", "stock.replenished", "stock.oversold")


@pytest.fixture(autouse=True)
def _ten_lamps_of_which_three_are_few() -> None:
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", 10)
    set_limits("A-1", reorder_point=3)


def set_limits(sku: str, location: str = "main", **values: Any) -> None:
    services.update_level(sku=sku, location=location, values=values)


def adjust(delta: int, reason: str = "correction") -> None:
    services.adjust_stock(sku="A-1", location="main", delta=delta, reason=reason)


def count(on_hand: int) -> None:
    services.count_stock(sku="A-1", location="main", on_hand=on_hand)


def in_bulk(*deltas: int) -> None:
    rows = [
        services.Adjustment(index=index, sku="A-1", location="main", delta=delta, reason="correction")
        for index, delta in enumerate(deltas)
    ]
    services.adjust_stock_in_bulk(rows=rows, atomic=True)


def count_in_bulk(on_hand: int) -> None:
    services.count_stock_in_bulk(rows=[services.Count(index=0, sku="A-1", location="main", on_hand=on_hand)])


def report(kind: type[services.ReportedChange] | type[services.ReportedCount], **values: Any) -> None:
    level = StockLevel.objects.get()
    moment, source = timezone.now(), f"demo:{Event.objects.count()}:0"
    report_stock(kind(level=(level.variant_id, level.location_id), occurred_at=moment, source=source, **values))


def report_change(delta: int) -> None:
    report(services.ReportedChange, delta=delta, reason="sale")


def report_figure(on_hand: int) -> None:
    report(services.ReportedCount, on_hand=on_hand)


def announced() -> list[tuple[str, int]]:
    """Each crossing, with what was available right after it."""
    events = Event.objects.filter(type__in=CROSSINGS).order_by("id")
    return [(event.type.removeprefix("stock."), event.data["level"]["available"]) for event in events]


WAYS: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
    "adjustment": (lambda: adjust(-7), lambda: adjust(1)),
    "count": (lambda: count(3), lambda: count(4)),
    "bulk": (lambda: in_bulk(-7), lambda: in_bulk(1)),
    "bulk count": (lambda: count_in_bulk(3), lambda: count_in_bulk(4)),
    "a PMS's change": (lambda: report_change(-7), lambda: report_change(1)),
    "a PMS's count": (lambda: report_figure(3), lambda: report_figure(4)),
    "reorder point": (lambda: set_limits("A-1", reorder_point=10), lambda: set_limits("A-1", reorder_point=9)),
    "no reorder point": (lambda: set_limits("A-1", reorder_point=10), lambda: set_limits("A-1", reorder_point=None)),
}


@pytest.mark.parametrize("way", WAYS)
def test_falling_to_the_reorder_point_and_rising_above_it_is_announced_once_each(way: str) -> None:
    fall, rise = WAYS[way]

    fall()
    low = StockLevel.objects.get()
    rise()
    high = StockLevel.objects.get()

    assert announced() == [("low", low.available), ("replenished", high.available)]
    assert (low.is_low, low.is_below_reorder_point) == (True, True)
    assert (high.is_low, high.is_below_reorder_point) == (False, False)


@pytest.mark.parametrize("move", [adjust, in_bulk, report_change])
def test_changes_on_one_side_of_the_reorder_point_are_not_announced_again(move: Callable[[int], None]) -> None:
    for delta in (-6, -1, -1, 1):
        move(delta)

    assert announced() == [("low", 3)]


def test_each_crossing_within_a_bulk_is_announced_with_the_level_right_after_it() -> None:
    in_bulk(-6, -1, -1, 5, -4)

    assert announced() == [("low", 3), ("replenished", 7), ("low", 3)]


def test_low_and_oversold_by_one_change_are_both_announced() -> None:
    adjust(-12, "damage")
    adjust(13, "receipt")

    assert announced() == [("oversold", -2), ("low", -2), ("replenished", 11)]


def test_a_change_that_is_refused_announces_nothing(api) -> None:
    body = {"sku": "A-1", "location": "main", "delta": -11, "reason": "sale"}

    assert api.post("/api/v1/inventory/adjustments/", body).status_code == 409
    assert announced() == []


def hold(sku: str, quantities: Sequence[int], client: str = "client:shop") -> list[Reservation]:
    """Reservations of so many units each, as the service writes them."""
    level = StockLevel.objects.get(variant__sku=sku)
    with transaction.atomic():
        state = lock_level(variant_id=level.variant_id, location_id=level.location_id)
        rows, made = [], []
        for quantity in quantities:
            expires_at = timezone.now() + timedelta(hours=1)
            reference = f"cart-{Reservation.objects.count()}"
            made.append(Reservation.objects.create(client=client, reference=reference, expires_at=expires_at))
            ReservationLine.objects.create(reservation=made[-1], level=level, quantity=quantity, reserved=quantity)
            after = state.changed(reserved=quantity)
            rows.append(LedgerRow(before=state, after=after))
            state = after
        write_locked_levels(states=[state], rows=rows)
    return made


def listed(client: Any, **query: str) -> list[dict[str, Any]]:
    response = client.get(URL, query)
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def test_a_low_level_is_listed_while_it_is_low(api) -> None:
    assert listed(api) == []

    adjust(-7)
    alert = listed(api)

    level = api.get("/api/v1/inventory/levels/A-1/").json()["levels"][0]
    assert alert == [{"types": ["low"], "level": level, "reservations": []}]
    adjust(1)
    assert listed(api) == []


def test_an_oversold_level_is_listed_with_the_reservations_at_stake(api) -> None:
    first, second = hold("A-1", [4, 5])
    adjust(-3, "damage")

    alert = listed(api)[0]

    assert alert["types"] == ["low", "oversold"]
    assert alert["level"]["available"] == -2
    shown = [{**line, "expires_at": None} for line in alert["reservations"]]
    assert shown == [
        {"id": made.pk, "reference": made.reference, "client": "client:shop", "quantity": held, "expires_at": None}
        for made, held in ((second, 5), (first, 4))
    ]
    assert find_mismatches() == []


def test_of_many_reservations_the_newest_are_listed(api) -> None:
    set_stock("A-1", "main", 100)
    made = hold("A-1", [1] * (MAX_RESERVATIONS_AT_STAKE + 2))
    adjust(-90, "damage")

    ids = [line["id"] for line in listed(api)[0]["reservations"]]

    assert ids == [reservation.pk for reservation in reversed(made[2:])]


def test_only_internal_callers_see_the_reservations_of_others(client_with) -> None:
    hold("A-1", [9])
    adjust(-3, "damage")

    seen = {
        tier: [line["reference"] for line in listed(client_with(ALL_SCOPES, tier=tier))[0]["reservations"]]
        for tier in ("default", INTERNAL_TIER)
    }

    assert seen == {"default": [], INTERNAL_TIER: ["cart-0"]}


def test_a_caller_sees_its_own_reservations(client_with) -> None:
    client = client_with(["inventory:read"])
    own = hold("A-1", [9], client=f"client:{ApiClient.objects.get().public_id}")
    adjust(-3, "damage")

    assert [line["id"] for line in listed(client)[0]["reservations"]] == [own[0].pk]


def test_filters(api) -> None:
    make_location("east")
    make_product("B-1")
    set_stock("B-1", "east", 1)
    set_limits("B-1", "east", reorder_point=0)
    adjust(-7)
    services.adjust_stock(sku="B-1", location="east", delta=-2, reason="damage")

    def skus(**query: str) -> list[str]:
        return [alert["level"]["sku"] for alert in listed(api, **query)]

    assert skus() == ["B-1", "A-1"]
    assert skus(type="low") == ["B-1", "A-1"]
    assert skus(type="oversold") == ["B-1"]
    assert skus(location="main") == ["A-1"]
    assert skus(sku="b-1") == ["B-1"]
    assert api.get(URL, {"type": "late"}).status_code == 422
    assert api.get(URL, {"kind": "low"}).status_code == 422


def test_pages_and_a_constant_number_of_statements(api) -> None:
    for number in range(6):
        make_product(f"C-{number}")
        set_stock(f"C-{number}", "main", 2)
        hold(f"C-{number}", [2])
        services.adjust_stock(sku=f"C-{number}", location="main", delta=-1, reason="damage")
    api.get(URL)

    def statements(page_size: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            page = api.get(URL, {"page_size": str(page_size)}).json()
        assert len(page["results"]) == page_size
        assert page["next"]
        return len(captured)

    assert statements(1) == statements(5) == 2


def test_an_index_serves_every_type_of_alert() -> None:
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for levels in (
            StockLevel.objects.in_need(),
            StockLevel.objects.below_reorder_point(),
            StockLevel.objects.oversold(),
        ):
            plans.append(levels.order_by("-id")[:50].explain())

    assert all("inventory_stocklevel_in_need" in plan for plan in plans), plans


def test_closed_to_storefronts(client_with) -> None:
    assert client_with(ALL_SCOPES, tier=STOREFRONT_TIER).get(URL).status_code == 403
