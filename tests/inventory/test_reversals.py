"""A movement of ours is reversed, once; what cannot be reversed says why."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from inventory import services
from inventory.models import StockLevel, StockMovement
from pms_backend.api import context
from pms_backend.api.exceptions import DomainError
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.concurrency.threads import at_once
from tests.factories import make_location, make_product, report_stock, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MOVEMENTS = "/api/v1/inventory/movements/"
RESERVATIONS = "/api/v1/inventory/reservations/"


@pytest.fixture(autouse=True)
def _ten_lamps() -> None:
    make_location("main")
    make_location("east")
    make_product("A-1")
    set_stock("A-1", "main", 10)


def adjust(delta: int, reason: str, reference: str = "") -> int:
    """The id of the movement."""
    change = services.adjust_stock(sku="A-1", location="main", delta=delta, reason=reason, reference=reference)
    assert change.movement is not None
    return int(change.movement["id"])


def reverse(api: Any, movement: int, **body: Any) -> Any:
    return api.post(f"{MOVEMENTS}{movement}/reverse/", body)


def state() -> tuple[Any, ...]:
    levels = StockLevel.objects.order_by("pk").values_list("on_hand", "reserved", "version")
    return list(levels), StockMovement.objects.count(), Event.objects.count()


def refused(answer: Any, code: str, *, before: tuple[Any, ...]) -> str:
    """The reason; nothing has changed."""
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert state() == before
    return str(answer.json()["detail"])


@pytest.mark.parametrize(
    ("delta", "reason"), [(5, "receipt"), (-3, "sale"), (2, "return"), (-1, "correction"), (-4, "damage")]
)
def test_a_reversal_is_the_opposite_and_both_name_each_other(api, delta: int, reason: str) -> None:
    movement = adjust(delta, reason, reference="R-9")

    response = reverse(api, movement, note="Typed twice")

    assert response.status_code == 201
    made = response.json()["movement"]
    shown = {name: made[name] for name in ("reason", "delta", "on_hand_after", "note", "reference", "actor")}
    assert shown == {
        "reason": "correction",
        "delta": -delta,
        "on_hand_after": 10,
        "note": "Typed twice",
        "reference": "R-9",
        "actor": "client:tests",
    }
    assert response.json()["level"]["on_hand"] == 10
    newest, reversed_one, *_ = api.get(MOVEMENTS).json()["results"]
    assert (newest["id"], newest["reverses"], newest["reversed_by"]) == (made["id"], movement, None)
    assert (reversed_one["id"], reversed_one["reverses"], reversed_one["reversed_by"]) == (movement, None, made["id"])
    assert Event.objects.latest("id").data == response.json()
    assert find_mismatches() == []


def test_it_is_reversed_once_and_the_reversal_can_be_reversed_too(api) -> None:
    movement = adjust(5, "receipt")
    reversal = reverse(api, movement).json()["movement"]["id"]

    before = state()
    assert str(reversal) in refused(reverse(api, movement), "already_reversed", before=before)

    assert reverse(api, reversal).json()["level"]["on_hand"] == 15


def test_what_is_promised_is_not_taken_back(api) -> None:
    movement = adjust(5, "receipt")
    api.post(RESERVATIONS, {"reference": "order-1", "lines": [{"sku": "A-1", "quantity": 12}]})

    before = state()

    assert "3 of A-1 are available" in refused(reverse(api, movement), "insufficient_stock", before=before)


def test_a_move_is_moved_back_instead(api) -> None:
    services.move_stock(sku="A-1", source="main", target="east", quantity=4)
    before = state()

    for movement in StockMovement.objects.filter(reason__startswith="transfer"):
        assert "transfer" in refused(reverse(api, movement.pk), "not_reversible", before=before)


def test_what_a_pms_reports_is_corrected_there(api) -> None:
    level = StockLevel.objects.get()
    report = services.ReportedChange(
        level=(level.variant_id, level.location_id),
        delta=-2,
        occurred_at=timezone.now() - timedelta(hours=1),
        reason="sale",
        source="demo:m-1:0",
    )
    with context.bind(actor="pms:demo"):
        report_stock(report)
    before = state()

    # The sale came after the count, so that one more movement keeps what was counted.
    reported, kept = StockMovement.objects.order_by("-id")[1], StockMovement.objects.latest("id")
    assert (reported.source, kept.reason) == ("demo:m-1:0", "count")
    for movement in (reported, kept):
        assert "correct it there" in refused(reverse(api, movement.pk), "not_reversible", before=before)


def report_sale(occurred_at: datetime) -> None:
    """A PMS says late that two were sold at this moment."""
    level = StockLevel.objects.get()
    with context.bind(actor="pms:demo"):
        report_stock(
            services.ReportedChange(
                level=(level.variant_id, level.location_id),
                delta=-2,
                occurred_at=occurred_at,
                reason="sale",
                source="demo:m-1:0",
            )
        )


@pytest.mark.parametrize(("minutes", "on_hand"), [(0, 8), (60, 10)], ids=["after the first count", "before it"])
def test_after_the_reversal_of_a_count_the_one_before_it_holds(api, minutes: int, on_hand: int) -> None:
    first = StockMovement.objects.get()
    set_stock("A-1", "main", 7)
    count = StockMovement.objects.latest("id")

    assert reverse(api, count.pk).json()["level"]["on_hand"] == 10

    level = StockLevel.objects.get()
    assert (level.counted_on_hand, level.counted_at) == (10, first.occurred_at)
    between = first.occurred_at + (count.occurred_at - first.occurred_at) / 2
    report_sale(between - timedelta(minutes=minutes))
    level.refresh_from_db()
    assert level.on_hand == on_hand
    assert find_mismatches() == []


def test_the_reversal_of_the_only_count_leaves_none(api) -> None:
    reverse(api, StockMovement.objects.get().pk)

    level = StockLevel.objects.get()
    assert (level.on_hand, level.counted_on_hand, level.counted_at) == (0, None, None)


def test_what_a_later_count_has_corrected_is_not_reversed(api) -> None:
    movement = adjust(5, "receipt")
    set_stock("A-1", "main", 10)
    before = state()

    assert "was counted after it" in refused(reverse(api, movement), "not_reversible", before=before)


def test_a_count_that_a_late_report_was_set_against_is_not_reversed(api) -> None:
    set_stock("A-1", "main", 8)
    count = StockMovement.objects.latest("id")
    report_sale(count.occurred_at - timedelta(hours=1))
    before = state()

    assert "count again" in refused(reverse(api, count.pk), "not_reversible", before=before)


def test_a_closed_location_and_an_unknown_movement_are_refused(api) -> None:
    movement = adjust(-10, "sale")
    services.update_location(code="main", values={"is_active": False})
    before = state()

    refused(reverse(api, movement), "location_inactive", before=before)
    assert reverse(api, 10**6).status_code == 404
    assert reverse(api, 10**30).status_code == 404
    assert reverse(api, movement, note="x" * 1001).status_code == 422


def test_its_reference_does_not_act_once_for_others(api) -> None:
    reverse(api, adjust(5, "receipt", reference="R-9"))

    body = {"sku": "A-1", "location": "main", "delta": 1, "reason": "correction", "reference": "R-9", "dedupe": True}

    assert api.post("/api/v1/inventory/adjustments/", body).status_code == 201
    assert api.post("/api/v1/inventory/adjustments/", body).status_code == 200
    assert StockLevel.objects.get().on_hand == 11


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_reverses_it() -> None:
    movement = adjust(5, "receipt")

    def attempt() -> str:
        try:
            services.reverse_movement(movement_id=movement)
        except DomainError as error:
            return error.code
        return "reversed"

    ended = at_once([partial(attempt)] * 8)

    assert sorted(map(str, ended)) == ["already_reversed"] * 7 + ["reversed"]
    assert StockLevel.objects.get().on_hand == 10
