"""`python -m benchmarks.seed SKUS`: the rows that both sides adjust, made on a migrated database; prints an API key."""

import os
import sys

import django

from benchmarks.limit import TABLES
from benchmarks.workloads import LOCATION, ON_HAND, sku

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from django.db import connection  # noqa: E402 - Django is set up first

from inventory import services as inventory  # noqa: E402
from inventory.services.bulk import MAX_BULK_ROWS  # noqa: E402
from pms_backend.access.services import create_api_client  # noqa: E402
from products import services as products  # noqa: E402
from products.serializers import ProductInputSerializer  # noqa: E402
from products.services.bulk import MAX_BULK_PRODUCTS  # noqa: E402


def main() -> None:
    """Ours through the services, the limit's by SQL."""
    numbers = range(int(sys.argv[1]))
    inventory.create_location(code=LOCATION, name="Benchmark")
    for start in range(0, len(numbers), MAX_BULK_PRODUCTS):
        _make_products(numbers[start : start + MAX_BULK_PRODUCTS])
    for start in range(0, len(numbers), MAX_BULK_ROWS):
        _count(numbers[start : start + MAX_BULK_ROWS])
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        cursor.executemany(
            "INSERT INTO bench_level (sku, location, on_hand) VALUES (%s, %s, %s)",
            [(sku(number), LOCATION, ON_HAND) for number in numbers],
        )
        cursor.execute("VACUUM ANALYZE")
    key = create_api_client(
        name="benchmark", scopes=["inventory:read", "inventory:write", "products:read"], tier="internal"
    ).api_key
    sys.stdout.write(f"{key}\n")


def _make_products(numbers: range) -> None:
    serializer = ProductInputSerializer()
    rows = [
        (number, serializer.run_validation({"name": f"Lamp {number}", "variants": [{"sku": sku(number)}]}))
        for number in numbers
    ]
    products.upsert_products(rows=rows, atomic=True)


def _count(numbers: range) -> None:
    rows = [inventory.Count(index=number, sku=sku(number), location=LOCATION, on_hand=ON_HAND) for number in numbers]
    inventory.count_stock_in_bulk(rows=rows, atomic=True)


if __name__ == "__main__":
    main()
