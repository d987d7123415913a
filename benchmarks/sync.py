"""`make bench ARGS=sync`: how fast a sync run takes a PMS's catalogue over.

The limit is the bulk service of the catalogue with the same products. Ours are full runs against a simulated PMS in a
process of its own: the first one creates the products, the second one finds them unchanged, the third one sets their
stock.

Measured on two cores, other work beside it: 10,000 products are created at 660 to 720/s (0.28 of the bulk service's
2,340/s), found unchanged at 840 to 930/s, and 17,500 figures are set at 1,240 to 1,460/s; 10 calls a second to the PMS
bound the listing to 2,000/s.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from inventory import services as inventory
from pms_integration import services
from pms_integration.models import PMSConnection, SyncMode, SyncResource, SyncRun
from products import services as products

TARGET: Final = 0.25
AIM_RATE: Final = 1_000
BATCH: Final = 500


@contextmanager
def simulated_pms(count: int) -> Iterator[PMSConnection]:
    """A connection to a simulator with so many products."""
    command = (sys.executable, "-m", "pms_integration.simulator", "--port", "0", "--products", str(count))
    with subprocess.Popen((*command, "--location", "bench=Bench"), stdout=subprocess.PIPE, text=True) as process:
        try:
            ready: dict[str, Any] = json.loads(process.stdout.readline() if process.stdout else "{}")
            pms = services.create_connection(slug="bench", name="Bench")
            location = inventory.create_location(code="bench", name="Benchmark")
            services.map_location(connection=pms, location=location, external_id="bench", owns_stock=True)
            yield services.set_outgoing(
                connection_id=pms.pk,
                base_url=services.check_base_url(ready["base_url"]),
                credentials={"token": ready["token"]},
            )
        finally:
            process.terminate()


def upserted(count: int) -> float:
    """The limit: seconds."""
    price = Decimal("10.50")
    rows = [
        {"name": f"Lamp {number}", "status": "active", "brand": "Bench", "tags": ["bench"],
         "variants": [{"sku": f"LIMIT-{number}-{size}", "price": price, "options": {"Size": size}} for size in "SM"]}
        for number in range(count)
    ]  # fmt: skip
    began = time.perf_counter()
    for first in range(0, count, BATCH):
        products.upsert_products(rows=list(enumerate(rows[first : first + BATCH])))
    return time.perf_counter() - began


def synced(resource: SyncResource) -> tuple[SyncRun, float]:
    """Ours: the run and its seconds."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    run = services.start_sync(slug="bench", mode=SyncMode.FULL, resources=[resource])
    began = time.perf_counter()
    while not run.is_over:
        services.run_syncs()
        run.refresh_from_db()
    if (run.status, run.failed) != ("finished", 0):
        raise SystemExit(f"{run.status}: {run.errors}")
    return run, time.perf_counter() - began


def main() -> int:
    """Prints the figures; exit code 1 below the aim."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=sync", description=__doc__)
    parser.add_argument("--products", type=int, default=10_000, help="of the PMS (default: %(default)s)")
    count: int = parser.parse_args().products
    limit = upserted(count)
    print(f"{count:,} products by the bulk service: {count / limit:,.0f}/s")
    rates: dict[str, float] = {}
    with simulated_pms(count):
        for name, resource in (
            ("created", SyncResource.PRODUCTS),
            ("unchanged", SyncResource.PRODUCTS),
            ("figures", SyncResource.STOCK),
        ):
            run, seconds = synced(resource)
            rate = run.processed / seconds
            print(f"{name}: {rate:,.0f}/s")
            rates[name] = rate
    print(f"created: ratio {rates['created'] * limit / count:.2f}, target ≥ {TARGET}; aim: {AIM_RATE:,}/s")
    return 0 if rates["created"] >= AIM_RATE else 1


if __name__ == "__main__":
    sys.exit(main())
