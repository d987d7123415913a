"""`python -m benchmarks.catalogue FIRST LAST`: products made by SQL; prints an API key when it makes the first one."""

import os
import sys
from typing import Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402 - Django is set up first

from inventory import services as inventory  # noqa: E402
from pms_backend.access.services import create_api_client  # noqa: E402

LOCATIONS: Final = ("north", "south")
# Both sides read these rows; a product has one variant, and that a level at each location.
PRODUCTS: Final = """
INSERT INTO products_product (id, handle, name, description, brand, status, published_at, tags, attributes, options,
    version, lowest_price, search_document)
SELECT n, 'lamp-' || n, 'Lamp ' || n, 'A lamp that lights the room ' || n || ' nights.', 'Brand ' || n %% 100,
    CASE n %% 4 WHEN 0 THEN 'draft' ELSE 'active' END, now(), ARRAY['led', 'tag-' || n %% 500],
    jsonb_build_object('watts', n %% 60), '[]', 1, n %% 1000,
    format('''lamp'':1A ''%%s'':2A ''=bench-%%s'':3A ''bench-%%s'':4A ''brand'':5B ''lights'':6D', n, n, n)::tsvector
FROM generate_series(%(first)s, %(last)s) AS n
"""
VARIANTS: Final = """
INSERT INTO products_variant (id, product_id, sku, sku_key, barcode, name, price, currency, options, position,
    is_archived)
SELECT n, n, 'bench-' || n, 'bench-' || n, '', '', n %% 1000, 'USD', '{}', 0, false
FROM generate_series(%(first)s, %(last)s) AS n
"""
LEVELS: Final = """
INSERT INTO inventory_stocklevel (variant_id, location_id, on_hand)
SELECT n, location.id, n %% 50 FROM generate_series(%(first)s, %(last)s) AS n, inventory_location AS location
"""


def main() -> None:
    """Inserts without triggers, whose ledger is not read here: a million products in a minute or two."""
    first, last = (int(word) for word in sys.argv[1:])
    if first == 1:
        for code in LOCATIONS:
            inventory.create_location(code=code, name=code.title())
        key = create_api_client(name="benchmark", scopes=["products:read"], tier="internal").api_key
        sys.stdout.write(f"{key}\n")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (PRODUCTS, VARIANTS, LEVELS):
            cursor.execute(statement, {"first": first, "last": last})
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
