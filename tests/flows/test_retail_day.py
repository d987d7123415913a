"""A retailer's real day: each sale and return is a webhook, shuffled, some twice; the stock is the sum of the file."""

import csv
import itertools
import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.flows.stack import Stack

pytestmark = pytest.mark.stack

SENDERS = 4
# Enough lines for several of most products, and for more webhooks than any queue holds.
SOME_LINES = 250
FILE = Path(os.environ.get("SAMPLE_DATA_DIR", "no-sample-data")) / "online-retail" / "2010-12-01.csv"


def read_day(prefix: str, line_count: int | None) -> tuple[dict[str, str], list[tuple[str, str, int]]]:
    """Reads the first lines: names by SKU, and (invoice, SKU, change of stock) of each; `prefix` begins each SKU."""
    names: dict[str, str] = {}
    lines = []
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in itertools.islice(csv.DictReader(file), line_count):
            sku, quantity = prefix + row["StockCode"].strip().upper(), int(row["Quantity"])
            names.setdefault(sku, row["Description"].strip() or sku)
            if quantity:
                lines.append((row["InvoiceNo"], sku, -quantity))
    return names, lines


@pytest.mark.skipif(not FILE.exists(), reason="SAMPLE_DATA_DIR names no folder with the retailer's day")
@pytest.mark.parametrize(
    ("prefix", "line_count"),
    [("MORNING-", SOME_LINES), pytest.param("", None, marks=pytest.mark.slow)],
    ids=["the first lines", "the whole day"],
)
def test_every_level_is_the_sum_of_the_file(stack: Stack, prefix: str, line_count: int | None) -> None:
    names, lines = read_day(prefix, line_count)
    moved: Counter[str] = Counter()
    for _, sku, delta in lines:
        moved[sku] += delta
    opening = {sku: max(0, -moved[sku]) for sku in names}
    products = [
        {"name": name, "status": "active", "variants": [{"sku": sku, "price": "1.00", "currency": "GBP"}]}
        for sku, name in names.items()
    ]
    for start in range(0, len(products), 1000):
        created = stack.call("POST", "/products/bulk/", json={"products": products[start : start + 1000]})
        assert set(created["summary"]) == {"created"}
    counts = [{"sku": sku, "location": "main", "on_hand": number} for sku, number in opening.items()]
    assert "rejected" not in stack.call("POST", "/inventory/counts/bulk/", json={"counts": counts})["summary"]
    before = stack.wait_until_applied()

    chance = random.Random(1)
    work = [(f"{prefix}day-{number}", *line) for number, line in enumerate(lines)]
    work += chance.sample(work, len(work) // 10)
    chance.shuffle(work)

    def send(line: tuple[str, str, str, int]) -> int:
        webhook_id, invoice, sku, delta = line
        reason = "sale" if delta < 0 else "return"
        data = {"sku": sku, "location": "main", "delta": delta, "reason": reason, "reference": invoice}
        return stack.send("inventory.adjusted", data, webhook_id=webhook_id)

    with ThreadPoolExecutor(SENDERS) as pool:
        answers = Counter(pool.map(send, work))
    after = stack.wait_until_applied()

    assert answers == {202: len(lines), 200: len(lines) // 10}
    assert after["processed"] - before.get("processed", 0) == len(lines)
    assert not after.get("dead")
    expected = {sku: opening[sku] + moved[sku] for sku in names}
    levels = {level["sku"]: level["on_hand"] for level in stack.every("/inventory/levels/", location="main")}
    assert {sku: levels.get(sku) for sku in names} == expected
    ledger: Counter[str] = Counter()
    for movement in stack.every("/inventory/movements/", location="main"):
        ledger[movement["sku"]] += movement["delta"]
    assert {sku: ledger[sku] for sku in names} == expected
    audit = stack.manage("audit_stock")
    assert audit.returncode == 0, audit.stdout + audit.stderr
