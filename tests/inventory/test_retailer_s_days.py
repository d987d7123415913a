"""A retailer's two real days, line by line and in bulk: the same quantities, the same ledger."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from inventory import services
from inventory.models import StockLevel, StockMovement
from pms_backend.operations.audit import find_mismatches
from products import services as products
from tests.conftest import JSONClient
from tests.factories import make_location

pytestmark = pytest.mark.django_db

FOLDER = Path(os.environ.get("SAMPLE_DATA_DIR", "no-sample-data")) / "online-retail"
DAYS = ("2010-12-01.csv", "2010-12-02.csv")
EACH_WAY = ("by-line", "in-bulk")


def lines_of(day: str) -> list[tuple[str, str, int]]:
    """Invoice, SKU and change of stock of each line of a day."""
    with (FOLDER / day).open(encoding="utf-8", newline="") as file:
        rows = [
            (row["InvoiceNo"], row["StockCode"].strip().upper(), -int(row["Quantity"])) for row in csv.DictReader(file)
        ]
    return [row for row in rows if row[2]]


@pytest.mark.skipif(not FOLDER.exists(), reason="SAMPLE_DATA_DIR names no folder with the retailer's days")
def test_two_real_days_come_to_the_same_either_way(api: JSONClient) -> None:
    days = [lines_of(day) for day in DAYS]
    moved = Counter()
    for _, sku, delta in (line for day in days for line in day):
        moved[sku] += abs(delta)
    open_shop(moved)

    for day in days:
        for invoice, sku, delta in day:
            services.adjust_stock(sku=sku, location="by-line", delta=delta, reason=reason(delta), reference=invoice)
        rows = [
            {"sku": sku, "location": "in-bulk", "delta": delta, "reason": reason(delta), "reference": invoice}
            for invoice, sku, delta in day
        ]
        answer = api.post("/api/v1/inventory/adjustments/bulk/", {"adjustments": rows, "atomic": True})
        assert answer.json()["summary"] == {"applied": len(rows)}

    by_line, in_bulk = (quantities(location) for location in EACH_WAY)
    assert by_line == in_bulk
    assert len(by_line) == len(moved)
    assert ledger("by-line") == ledger("in-bulk")
    assert find_mismatches() == []


def open_shop(moved: Counter[str]) -> None:
    """Every SKU with enough of it at both locations, so that no sale is refused."""
    for code in EACH_WAY:
        make_location(code)
    skus = sorted(moved)
    rows = [(index, {"name": sku, "variants": [{"sku": sku}]}) for index, sku in enumerate(skus)]
    for start in range(0, len(rows), 1_000):
        products.upsert_products(rows=rows[start : start + 1_000])
    counts = [
        services.Count(index=index, sku=sku, location=code, on_hand=moved[sku])
        for index, (sku, code) in enumerate((sku, code) for sku in skus for code in EACH_WAY)
    ]
    services.count_stock_in_bulk(rows=counts)
    with connection.cursor() as cursor:
        # As autovacuum does, of which a transaction sees nothing: what is prepared is planned for what there is.
        cursor.execute("ANALYZE")


def reason(delta: int) -> str:
    return "sale" if delta < 0 else "return"


def quantities(location: str) -> dict[str, tuple[int, int]]:
    levels = StockLevel.objects.filter(location__code=location)
    return {
        sku: (on_hand, version) for sku, on_hand, version in levels.values_list("variant__sku", "on_hand", "version")
    }


def ledger(location: str) -> list[tuple[str, int, str, int, int, str]]:
    movements = StockMovement.objects.filter(level__location__code=location)
    shown = ("level__variant__sku", "level_version", "reason", "delta", "on_hand_after", "reference")
    return sorted(movements.values_list(*shown))
