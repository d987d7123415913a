"""What pushing costs: its caller hardly anything, since the relay records the push; and little more in a backlog."""

import sys
from types import FrameType
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from inventory.models import StockLevel
from inventory.services import adjust_stock, count_stock
from pms_integration.models import PMSConnection, PMSStockPush
from pms_integration.services.stock_pushes import pushing
from tests.factories import make_location

pytestmark = pytest.mark.django_db(transaction=True)

AT_MOST = 1.1


def cost(location: str) -> tuple[int, int]:
    """The function calls and queries of an adjustment; the cheapest of a few."""
    costs = []
    for _ in range(4):
        calls = 0

        def count(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        with CaptureQueriesContext(connection) as queries:
            sys.setprofile(count)
            try:
                adjust_stock(sku="A-1", location=location, delta=1, reason="receipt")
            finally:
                sys.setprofile(None)
        costs.append((calls, len(queries)))
    return min(costs)


def test_an_adjustment_that_is_pushed_costs_hardly_more(pms: PMSConnection) -> None:
    make_location("back")
    count_stock(sku="A-1", location="back", on_hand=10)

    calls, queries = cost("back")
    pushed_calls, pushed_queries = cost("annex")

    assert pushed_queries == queries
    assert pushed_calls <= calls * AT_MOST


@pytest.mark.parametrize("statement", ["_DUE_CONNECTION", "_LEASE"])
def test_what_a_lease_reads_grows_with_the_backlog_of_a_level_and_not_with_its_square(
    pms: PMSConnection, statement: str
) -> None:
    lease = getattr(pushing, statement)
    parameters: Any = {"seconds": 1, "connection": pms.pk, "limit": 1} if statement == "_LEASE" else [["standard"]]
    few = blocks_read(pms, lease, parameters, backlog=200)

    assert blocks_read(pms, lease, parameters, backlog=1_600) < 16 * few


def blocks_read(pms: PMSConnection, statement: str, parameters: Any, *, backlog: int) -> int:
    """The blocks that the statement reads where so many pushes of a level are due."""
    level = StockLevel.objects.get(variant__sku="A-1", location__code="outlet")
    one = {"connection": pms, "level": level, "delta": 1, "reason": "receipt", "occurred_at": level.updated_at}
    with transaction.atomic(), connection.cursor() as cursor:
        PMSStockPush.objects.bulk_create(PMSStockPush(**one) for _ in range(backlog))
        cursor.execute("ANALYZE pms_integration_pmsstockpush")
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
        plan = cursor.fetchone()[0][0]["Plan"]
        transaction.set_rollback(True)
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
