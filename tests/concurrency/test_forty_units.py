"""Sixty-four callers of the API for the last forty units: forty get one each, the others get a conflict."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from inventory.models import StockLevel
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.operations.audit import find_mismatches
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

THREADS = 64
UNITS = 40
BASE = "/api/v1/inventory"


@pytest.fixture
def callers() -> list[JSONClient]:
    key = create_api_client(name="crowd", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    crowd = [JSONClient() for _ in range(THREADS)]
    for caller in crowd:
        caller.credentials(HTTP_X_API_KEY=key)
    return crowd


def adjust(caller: JSONClient, _: int) -> str:
    body = {"sku": "A-1", "location": "main", "delta": -1, "reason": "sale"}
    return verdict(caller.post(f"{BASE}/adjustments/", body))


def reserve(caller: JSONClient, number: int) -> str:
    body = {"reference": f"order-{number}", "lines": [{"sku": "A-1", "quantity": 1}]}
    return verdict(caller.post(f"{BASE}/reservations/", body))


def adjust_in_bulk(caller: JSONClient, _: int) -> str:
    rows = [{"sku": "A-1", "location": "main", "delta": -1, "reason": "sale"}]
    response = caller.post(f"{BASE}/adjustments/bulk/", {"adjustments": rows})
    assert response.status_code == 200
    result = response.json()["results"][0]
    return "won" if result["status"] == "applied" else result["errors"][0]["code"]


def verdict(response: Any) -> str:
    return "won" if response.status_code == 201 else response.json()["code"]


@pytest.mark.parametrize("claim", [adjust, reserve, adjust_in_bulk])
def test_exactly_forty_win(callers: Sequence[JSONClient], claim: Callable[[JSONClient, int], str]) -> None:
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", UNITS)

    verdicts = at_once([partial(claim, caller, number) for number, caller in enumerate(callers)])

    assert Counter(verdicts) == {"won": UNITS, "insufficient_stock": THREADS - UNITS}
    assert StockLevel.objects.get().available == 0
    assert find_mismatches() == []
