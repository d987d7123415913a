"""Many at one SKU: nothing is lost, nothing is oversold."""

import threading
from functools import partial

import pytest
from django.db import transaction

from inventory import services
from inventory.exceptions import InsufficientStock
from inventory.models import StockLevel, StockMovement
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.concurrency.threads import at_once
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

THREADS = 20
EACH = 10


@pytest.fixture
def _hundred_lamps() -> None:
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", 100)


def adjust(delta: int) -> services.StockChange:
    return services.adjust_stock(sku="A-1", location="main", delta=delta, reason="correction")


def repeat(job) -> None:
    for _ in range(EACH):
        job()


@pytest.mark.usefixtures("_hundred_lamps")
def test_twenty_threads_lose_no_update() -> None:
    results = at_once([partial(repeat, partial(adjust, 1 if number % 2 else 2)) for number in range(THREADS)])

    assert results == [None] * THREADS
    level = StockLevel.objects.get()
    assert (level.on_hand, level.version) == (100 + EACH * THREADS * 3 // 2, 1 + EACH * THREADS)
    assert StockMovement.objects.count() == Event.objects.filter(type="stock.changed").count() == 1 + EACH * THREADS
    assert find_mismatches() == []


@pytest.mark.usefixtures("_hundred_lamps")
def test_the_naive_way_loses_updates() -> None:
    """What the test above would see of read, modify, save: without the guard the race is real."""
    read_by_all = threading.Barrier(THREADS, timeout=30)

    def naive() -> None:
        with transaction.atomic():
            level = StockLevel.objects.get()
            read_by_all.wait()
            # In a field beside the ledger, since the ledger's triggers refuse this for `on_hand`.
            StockLevel.objects.filter(pk=level.pk).update(reorder_point=(level.reorder_point or 0) + 1)

    results = at_once([naive] * THREADS)

    assert results == [None] * THREADS
    assert StockLevel.objects.get().reorder_point == 1


@pytest.mark.usefixtures("_hundred_lamps")
def test_of_forty_claims_on_the_last_ten_just_ten_win() -> None:
    set_stock("A-1", "main", 10)

    results = at_once([partial(adjust, -1)] * 40)

    assert sum(isinstance(result, services.StockChange) for result in results) == 10
    assert sum(isinstance(result, InsufficientStock) for result in results) == 30
    assert StockLevel.objects.get().on_hand == 0
    assert find_mismatches() == []


@pytest.mark.usefixtures("_hundred_lamps")
def test_counts_and_adjustments_at_once_keep_the_chain() -> None:
    jobs = [partial(repeat, partial(adjust, -1)) for _ in range(6)]
    jobs += [partial(repeat, partial(set_stock, "A-1", "main", 500)) for _ in range(4)]

    results = at_once(jobs)

    assert [result for result in results if result is not None] == []
    assert find_mismatches() == []


def test_a_level_that_all_make_at_once_is_made_once() -> None:
    make_location("main")
    make_product("A-1")

    results = at_once([partial(adjust, 1)] * THREADS)

    assert all(isinstance(result, services.StockChange) for result in results)
    assert StockLevel.objects.get().on_hand == THREADS


def test_bulks_over_the_same_levels_in_opposite_orders_deadlock_nobody() -> None:
    make_location("main")
    skus = [f"A-{number}" for number in range(30)]
    for sku in skus:
        make_product(sku)

    def bulk(order: list[str]) -> None:
        rows = [
            services.Adjustment(index=index, sku=sku, location="main", delta=1, reason="receipt")
            for index, sku in enumerate(order)
        ]
        assert {outcome.status for outcome in services.adjust_stock_in_bulk(rows=rows)} == {"applied"}

    results = at_once([partial(repeat, partial(bulk, skus if number % 2 else skus[::-1])) for number in range(8)])

    assert results == [None] * 8
    assert set(StockLevel.objects.values_list("on_hand", flat=True)) == {8 * EACH}
    assert find_mismatches() == []
