"""An adjustment costs its caller the same where a PMS is told of it: the relay records the push."""

import sys
from types import FrameType
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.services import adjust_stock, count_stock
from pms_integration.models import PMSConnection
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
