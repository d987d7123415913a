"""Transfers and count sheets, many at once: nothing is received twice, posted twice, or lost, and nobody deadlocks."""

from collections.abc import Callable
from functools import partial

import pytest

from inventory import services
from inventory.exceptions import OverReceipt, TransferShort, TransferStateConflict
from inventory.models import StockLevel, StockMovement, Transfer, TransferLine
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.concurrency.threads import at_once
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

SKUS = [f"A-{number}" for number in range(8)]
EACH = 4


@pytest.fixture(autouse=True)
def _stock_at_two_locations() -> None:
    for code in ("main", "west"):
        make_location(code)
    for sku in SKUS:
        make_product(sku)
        for code in ("main", "west"):
            set_stock(sku, code, 100)


def shipped(units: int = 6) -> int:
    """A transfer that is on its way."""
    transfer = services.create_transfer(source="main", target="west", lines=[(sku, units) for sku in SKUS])
    services.ship_transfer(transfer_id=transfer.pk)
    return transfer.pk


def send(source: str, target: str, skus: list[str]) -> None:
    """Ships some units and receives them, again and again."""
    for _ in range(EACH):
        lines = [(sku, 1) for sku in skus]
        transfer = services.create_transfer(source=source, target=target, lines=lines).pk
        services.ship_transfer(transfer_id=transfer)
        services.receive_transfer(transfer_id=transfer, lines=lines[: len(lines) // 2])
        services.receive_transfer(transfer_id=transfer)


def adjust(skus: list[str]) -> None:
    """Adjusts both ends of what the transfers move."""
    for _ in range(EACH):
        rows = [
            services.Adjustment(index=index, sku=sku, location=location, delta=1, reason="receipt")
            for index, (location, sku) in enumerate((location, sku) for location in ("west", "main") for sku in skus)
        ]
        assert {outcome.status for outcome in services.adjust_stock_in_bulk(rows=rows)} == {"applied"}


def test_opposite_transfers_and_bulks_over_the_same_levels_deadlock_nobody():
    jobs: list[Callable[[], None]] = []
    for order in (SKUS, SKUS[::-1]):
        jobs += [
            partial(send, "main", "west", order),
            partial(send, "west", "main", order),
            partial(adjust, order),
        ]

    results = at_once(jobs)

    assert results == [None] * len(jobs)
    assert sum(StockLevel.objects.values_list("on_hand", flat=True)) == len(SKUS) * (200 + 2 * 2 * EACH)
    assert set(StockLevel.objects.values_list("incoming", flat=True)) == {0}
    assert find_mismatches() == []


def test_what_is_received_by_many_at_once_is_received_once():
    transfer = shipped(units=6)
    some = [(sku, 2) for sku in SKUS]

    results = at_once([partial(services.receive_transfer, transfer_id=transfer, lines=some)] * 6)

    assert sum(isinstance(result, Transfer) for result in results) == 3
    assert sum(isinstance(result, OverReceipt | TransferStateConflict) for result in results) == 3
    assert set(TransferLine.objects.values_list("received", "in_transit")) == {(6, 0)}
    assert set(StockLevel.objects.filter(location__code="west").values_list("on_hand", "incoming")) == {(106, 0)}
    assert find_mismatches() == []


def test_receiving_and_cancelling_at_once_is_one_of_them():
    transfer = shipped()

    at_once(
        [partial(services.receive_transfer, transfer_id=transfer)] * 3
        + [partial(services.cancel_transfer, transfer_id=transfer)] * 3
    )

    ends = ["transfer.received", "transfer.cancelled"]
    assert Event.objects.filter(type__in=ends).count() == 1
    assert sum(StockLevel.objects.values_list("on_hand", flat=True)) == len(SKUS) * 200
    assert find_mismatches() == []


def test_the_last_units_are_shipped_once():
    lines = [(sku, 100) for sku in SKUS]
    drafts = [services.create_transfer(source="main", target="west", lines=lines).pk for _ in range(6)]

    results = at_once([partial(services.ship_transfer, transfer_id=draft) for draft in drafts])

    assert sum(isinstance(result, Transfer) for result in results) == 1
    assert sum(isinstance(result, TransferShort) for result in results) == 5
    assert find_mismatches() == []


def test_a_sheet_that_many_post_at_once_is_posted_once():
    sheet = services.create_stocktake(location="main").pk
    counts = [services.StocktakeCount(sku=sku, counted=90) for sku in SKUS]
    services.record_counts(stocktake_id=sheet, counts=counts)

    results = at_once([partial(services.post_stocktake, stocktake_id=sheet)] * 6)

    assert [result.status for result in results] == ["posted"] * 6
    assert StockMovement.objects.filter(reference=f"stocktake:{sheet}").count() == len(SKUS)
    assert Event.objects.filter(type="stocktake.posted").count() == 1
    assert find_mismatches() == []


def test_sales_while_a_sheet_is_posted_are_accounted_for():
    sheet = services.create_stocktake(location="main").pk
    counts = [services.StocktakeCount(sku=sku, counted=90) for sku in SKUS]
    services.record_counts(stocktake_id=sheet, counts=counts)

    def sell(sku: str) -> None:
        for _ in range(EACH):
            services.adjust_stock(sku=sku, location="main", delta=-1, reason="sale")

    results = at_once([partial(services.post_stocktake, stocktake_id=sheet), *(partial(sell, sku) for sku in SKUS)])

    assert [result for result in results if isinstance(result, Exception)] == []
    assert set(StockLevel.objects.filter(location__code="main").values_list("on_hand", flat=True)) == {90 - EACH}
    assert find_mismatches() == []
