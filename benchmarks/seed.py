"""`python -m benchmarks.seed SKUS`: inserts the rows that both sides adjust; prints an API key."""

import os
import sys
from typing import Final

import django

from benchmarks.plain_tables import TABLES
from benchmarks.workloads import LOCATION, ON_HAND

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402 - Django is set up first

from inventory import services as inventory  # noqa: E402
from pms_backend.access.services import create_api_client  # noqa: E402

# By SQL, so that a million take minutes: products of one variant, counted once. SKUs are those of `sku()`.
_SKU: Final = "'bench-' || lpad(n::text, greatest(6, length(n::text)), '0')"
_STOCK: Final = (
    """
INSERT INTO products_product (id, handle, name, description, brand, status, tags, attributes, options, version)
SELECT n + 1, 'lamp-' || n, 'Lamp ' || n, '', '', 'draft', '{}', '{}', '[]', 1
FROM generate_series(0, %(last)s) AS n
""",
    f"""
INSERT INTO products_variant (id, product_id, sku, sku_key, barcode, name, currency, options, position, is_archived)
SELECT n + 1, n + 1, {_SKU}, {_SKU}, '', '', 'USD', '{{}}', 0, false
FROM generate_series(0, %(last)s) AS n
""",
    """
INSERT INTO inventory_stocklevel (variant_id, location_id, on_hand, version, counted_on_hand, counted_at)
SELECT n + 1, location.id, %(on_hand)s, 1, %(on_hand)s, now()
FROM generate_series(0, %(last)s) AS n, inventory_location AS location
""",
    """
INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, reference, actor,
    request_id, source, is_deduplicated, occurred_at, created_at)
SELECT id, version, 'count', on_hand, on_hand, '', '', 'benchmark', '', '', false, counted_at, counted_at
FROM inventory_stocklevel
""",
)
_PLAIN: Final = f"""
INSERT INTO bench_level (sku, location, on_hand)
SELECT {_SKU}, %(location)s, %(on_hand)s FROM generate_series(0, %(last)s) AS n
"""


def make_stock(skus: int) -> None:
    """Inserts SKUs and their stock at `LOCATION` without triggers, whose conditions the rows meet."""
    inventory.create_location(code=LOCATION, name="Benchmark")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in _STOCK:
            cursor.execute(statement, {"last": skus - 1, "on_hand": ON_HAND})


def main() -> None:
    """Inserts the rows of ours and of the plain tables."""
    skus = int(sys.argv[1])
    make_stock(skus)
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        cursor.execute(_PLAIN, {"last": skus - 1, "on_hand": ON_HAND, "location": LOCATION})
        cursor.execute("VACUUM ANALYZE")
    key = create_api_client(
        name="benchmark",
        scopes=["inventory:read", "inventory:write", "products:read", "products:write", "pms:read", "pms:write"],
        tier="internal",
    ).api_key
    sys.stdout.write(f"{key}\n")


if __name__ == "__main__":
    main()
