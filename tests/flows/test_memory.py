"""The memory and the connections that the whole system uses under load."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from pms_backend.standalone.programs import CONNECTIONS
from tests.flows.stack import Stack
from tests.standalone.running import processes_of

pytestmark = pytest.mark.stack

# docs/operations.md promises it.
MEMORY_BYTES = 1_500_000_000
CLIENTS = 8
ROUNDS = 25
OTHERS_CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def memory_of(pid: int) -> int:
    """Its share in bytes: memory of several processes is divided among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def test_the_system_at_work_stays_within_its_memory_and_its_connections(stack: Stack) -> None:
    skus = [f"BUSY-{number}" for number in range(CLIENTS)]
    for sku in skus:
        variants = [{"sku": sku, "price": "1.00", "currency": "EUR"}]
        stack.call("POST", "/products/", json={"name": sku, "status": "active", "variants": variants})
    rows = "".join(f"busy-import-{number},Desk {number},5,{number}\n" for number in range(3_000))
    content = f"Handle,Title,Variant Price,Variant Inventory Qty\n{rows}"
    stack.call("POST", "/products/imports/", files={"file": ("busy.csv", content)})

    def work(sku: str) -> None:
        level = {"sku": sku, "location": "main"}
        for turn in range(ROUNDS):
            stack.call("GET", "/products/", params={"page_size": 200, "search": "desk"})
            stack.call("POST", "/inventory/adjustments/", json={**level, "delta": 1, "reason": "receipt"})
            assert stack.send("inventory.adjusted", {**level, "delta": 1}, webhook_id=f"{sku}-{turn}") == 202

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(work, skus))
    with psycopg.connect(stack.quickstart["database_url"]) as connection:
        (connections,) = connection.execute(OTHERS_CONNECTIONS).fetchone()
    memory = {pid: memory_of(pid) for pid in processes_of(stack.data_dir)}
    stack.wait_until_applied()

    assert connections <= sum(CONNECTIONS.values()) - CONNECTIONS["commands"]
    # PostgreSQL's and Redis's are among them.
    assert len(memory) > 12
    assert sum(memory.values()) < MEMORY_BYTES, memory
