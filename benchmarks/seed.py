"""The rows of the benchmarks, inside Django: `benchmarks.seed` makes what every database has; prints the keys.

`benchmarks.seed SKUS` fills a database with products, stock and the tables of the other sides.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Final

import orjson
from django.db import connection, connections, transaction

from benchmarks import plain_tables, reservation_limit
from benchmarks.workloads import LOCATION, ON_HAND, PMS, Keys
from inventory import services as inventory
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_integration import services as pms_integration

# A level at each; the stock lies at the first one.
LOCATIONS: Final = (LOCATION, "south")
# Requests of this tier are counted against its limits (`benchmarks.stage`); those of `internal` would not be.
TIER: Final = "benchmark"

# SKUs are those of `sku()`. A product has one variant, and what lies on a level was counted once. By SQL and without
# triggers, whose conditions the rows meet, in two sessions at once: a million take a minute or two.
_SKU: Final = "'bench-' || lpad(n::text, greatest(6, length(n::text)), '0')"
_CATALOGUE: Final = f"""
INSERT INTO products_product (id, handle, name, description, brand, status, published_at, tags, attributes, options,
    version, lowest_price, search_document)
SELECT n + 1, 'lamp-' || n, 'Lamp ' || n, 'A lamp that lights the room ' || n || ' nights.', 'Brand ' || n %% 100,
    CASE n %% 4 WHEN 0 THEN 'draft' ELSE 'active' END, now(), ARRAY['led', 'tag-' || n %% 500],
    jsonb_build_object('watts', n %% 60), '[]', 1, n %% 1000,
    format('''lamp'':1A ''%%s'':2A ''=%%s'':3A ''%%s'':4A ''brand'':5B ''lights'':6D', n, {_SKU}, {_SKU})::tsvector
FROM generate_series(0, %(last)s) AS n
"""
_VARIANTS: Final = f"""
INSERT INTO products_variant (id, product_id, sku, sku_key, barcode, name, price, currency, options, position,
    is_archived)
SELECT n + 1, n + 1, {_SKU}, {_SKU}, '', '', n %% 1000, 'USD', '{{}}', 0, false
FROM generate_series(0, %(last)s) AS n
"""
_LEVELS: Final = """
INSERT INTO inventory_stocklevel (variant_id, location_id, on_hand, version, counted_on_hand, counted_at)
SELECT n + 1, location.id, on_hand, version, on_hand, now()
FROM generate_series(0, %(last)s) AS n, inventory_location AS location,
    LATERAL (SELECT CASE code WHEN %(location)s THEN %(on_hand)s ELSE 0 END, (code = %(location)s)::int)
    AS stock (on_hand, version)
ORDER BY n
"""
_MOVEMENTS: Final = """
INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, reference, actor,
    request_id, source, is_deduplicated, occurred_at, created_at)
SELECT id, version, 'count', on_hand, on_hand, '', '', 'benchmark', '', '', false, counted_at, counted_at
FROM inventory_stocklevel WHERE on_hand > 0 ORDER BY id
"""
_PLAIN: Final = f"""
INSERT INTO plain_level (sku, location, on_hand)
SELECT {_SKU}, %(location)s, %(on_hand)s FROM generate_series(0, %(last)s) AS n
"""
_RESERVABLE: Final = f"""
INSERT INTO bare_stock (sku, on_hand) SELECT {_SKU}, %(on_hand)s FROM generate_series(0, %(last)s) AS n
"""


def make_common() -> Keys:
    """Locations, API clients, and a PMS that owns no stock."""
    for code in LOCATIONS:
        inventory.create_location(code=code, name=code.title())
    return Keys(
        writer=create_api_client(name="writer", scopes=sorted(ALL_SCOPES), tier=TIER).api_key,
        reader=create_api_client(name="reader", scopes=["products:read"], tier=TIER).api_key,
        webhook_secret=pms_integration.create_connection(slug=PMS, name="Benchmark").secret,
    )


def fill(skus: int) -> None:
    """Products and stock, and the rows of the limits."""
    with connection.cursor() as cursor:
        cursor.execute(plain_tables.TABLES)
        cursor.execute(reservation_limit.TABLES)
    parameters: dict[str, int | str] = {"last": skus - 1, "on_hand": ON_HAND, "location": LOCATION}

    def insert(*statements: str) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                cursor.execute(statement, parameters)
        connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        catalogue = pool.submit(insert, _CATALOGUE, _VARIANTS)
        stock = pool.submit(insert, _LEVELS, _MOVEMENTS, _PLAIN, _RESERVABLE)
        catalogue.result()
        stock.result()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def main() -> None:
    """Does one of both."""
    if len(sys.argv) > 1:
        fill(int(sys.argv[1]))
    else:
        sys.stdout.write(f"{orjson.dumps(asdict(make_common())).decode()}\n")


if __name__ == "__main__":
    main()
