"""The rows that `benchmarks.admin` opens pages of: made by SQL with the triggers off, but as the triggers want them."""

from typing import Final

from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from inventory import services as inventory
from pms_backend.access.services import create_api_client
from pms_integration import services as pms_integration
from webhooks import services as webhooks
from webhooks.services.endpoints import EndpointURL

LOCATIONS: Final = ("north", "south")
DAYS: Final = 40

# Numbers by products: two levels each, five movements of each level, and of what is rarer a share. `%(…)s` are those of
# `_parameters`. 7919 is a prime: neighbours in the ledger are no neighbours in stock.
_CATALOGUE: Final = (
    """
INSERT INTO products_category (name, slug) SELECT 'Category ' || n, 'category-' || n FROM generate_series(1, 40) AS n
""",
    """
INSERT INTO products_product (id, handle, name, description, brand, status, published_at, category_id, tags, attributes,
    options, search_document, version, created_at, updated_at)
SELECT n, 'lamp-' || n, (ARRAY['Lamp', 'Chair', 'Table', 'Shelf', 'Vase'])[1 + n %% 5] || ' ' || n * 7919 %% 1000003,
    '', 'Brand ' || n %% 300, (ARRAY['active', 'active', 'active', 'draft', 'archived'])[1 + n / 7 %% 5],
    CASE WHEN n / 7 %% 5 < 3 THEN now() END,
    (SELECT min(id) FROM products_category) + n %% 40, '{}', '{}', '[]',
    to_tsvector('simple', (ARRAY['Lamp', 'Chair', 'Table', 'Shelf', 'Vase'])[1 + n %% 5] || ' ' || n * 7919 %% 1000003
        || ' BENCH-' || n * 7919 %% 1000003 || ' brand ' || n %% 300), 1,
    now() - n * interval '1 minute', now() - n * 7919 %% 1000003 * interval '1 second'
FROM generate_series(1, %(products)s) AS n
""",
    """
INSERT INTO products_variant (id, product_id, sku, sku_key, barcode, name, price, cost, currency, options, position,
    is_archived)
SELECT n, n, 'BENCH-' || n * 7919 %% 1000003, 'bench-' || n * 7919 %% 1000003, (4000000000000 + n)::text, '',
    10 + n %% 90, 5 + n %% 40, 'USD', '{}', 0, false
FROM generate_series(1, %(products)s) AS n
""",
)
_STOCK: Final = (
    # Of the last movement: 19 to 98 units. One level in 400 is low, four are oversold.
    """
INSERT INTO inventory_stocklevel (id, variant_id, location_id, on_hand, reserved, incoming, version, reorder_point,
    is_oversold, counted_on_hand, counted_at, updated_at)
SELECT n, (n + 1) / 2, (SELECT min(id) FROM inventory_location) + n %% 2, 19 + n %% 80,
    CASE WHEN n %% 50000 = 7 THEN 500 WHEN n <= %(held)s THEN 1 ELSE 0 END, 0, 5,
    CASE WHEN n %% 400 = 9 THEN 200 WHEN n %% 3 = 0 THEN 5 END, n %% 50000 = 7, 20 + n %% 80,
    now() - interval '41 days', now() - n * 7919 %% 1000003 * interval '1 second'
FROM generate_series(1, %(levels)s) AS n
""",
    f"""
INSERT INTO inventory_stockmovement (level_id, level_version, reason, delta, on_hand_after, note, reference, actor,
    request_id, source, is_deduplicated, occurred_at, created_at)
SELECT level, version, (ARRAY['receipt', 'sale', 'sale', 'return', 'damage'])[version],
    CASE version WHEN 1 THEN 20 + level %% 80 ELSE (ARRAY[0, -3, -2, 5, -1])[version] END,
    (ARRAY[20, 17, 15, 20, 19])[version] + level %% 80, '',
    CASE WHEN version IN (2, 3) THEN 'order-' || n / 2 ELSE '' END, 'user:ada', '', '', false, moment, moment
FROM (
    SELECT n, 1 + n * 7919 %% %(levels)s AS level, 1 + n / %(levels)s AS version,
        now() - interval '{DAYS} days' * (1 - (n + 1) / (5.0 * %(levels)s)) AS moment
    FROM generate_series(0::bigint, 5 * %(levels)s - 1) AS n
) AS line ORDER BY n
""",
    """
INSERT INTO inventory_reservation (id, client, reference, status, requested, expires_at, created_at, updated_at)
SELECT n, 'client:shop', 'basket-' || n, CASE WHEN n <= %(held)s THEN 'active' ELSE 'committed' END, '[]',
    now() + interval '1 day', now() - n * interval '1 minute', now()
FROM generate_series(1, 2 * %(held)s) AS n
""",
    """
INSERT INTO inventory_reservationline (reservation_id, level_id, quantity, reserved, committed)
SELECT n, n, 1, (n <= %(held)s)::int, (n > %(held)s)::int FROM generate_series(1, 2 * %(held)s) AS n
""",
    """
INSERT INTO inventory_transfer (id, source_id, target_id, reference, status, created_at, shipped_at, closed_at)
SELECT n, first, first + 1, 'truck-' || n, CASE WHEN n %% 100 = 0 THEN 'in_transit' ELSE 'received' END,
    now() - n * interval '1 hour', now() - n * interval '1 hour', CASE WHEN n %% 100 > 0 THEN now() END
FROM generate_series(1, %(transfers)s) AS n, (SELECT min(id) AS first FROM inventory_location) AS locations
""",
    """
INSERT INTO inventory_transferline (transfer_id, variant_id, target_level_id, quantity, in_transit, received, lost)
SELECT n, 1 + (n * 10 + line) %% %(products)s, 2 * (1 + (n * 10 + line) %% %(products)s), 5,
    CASE WHEN n %% 100 = 0 THEN 5 ELSE 0 END, CASE WHEN n %% 100 = 0 THEN 0 ELSE 5 END, 0
FROM generate_series(1, %(transfers)s) AS n, generate_series(1, 10) AS line
""",
    """
INSERT INTO inventory_stocktake (id, location_id, status, note, created_at, closed_at)
SELECT n, (SELECT min(id) FROM inventory_location), CASE WHEN n %% 100 = 0 THEN 'open' ELSE 'posted' END,
    'Shelf ' || n, now() - n * interval '1 hour', CASE WHEN n %% 100 > 0 THEN now() END
FROM generate_series(1, %(stocktakes)s) AS n
""",
    # Of two open sheets one is counted to its end.
    """
INSERT INTO inventory_stocktakeline (stocktake_id, variant_id, expected, counted, counted_at, posted_delta)
SELECT n, 1 + (n * 100 + line) %% %(products)s, 5, CASE WHEN n %% 200 > 0 THEN 5 END,
    CASE WHEN n %% 200 > 0 THEN now() END, CASE WHEN n %% 100 > 0 THEN 0 END
FROM generate_series(1, %(stocktakes)s) AS n, generate_series(1, 100) AS line
""",
)
_PMS: Final = (
    """
INSERT INTO pms_integration_pmsproduct (connection_id, external_id, product_id, digest, reason, payload, is_deleted,
    conflict, updated_at)
SELECT 1 + n %% 2, 'P' || n, n, '', '', '{}', false, CASE WHEN n %% 5000 = 0 THEN '{"price": {}}' ELSE '{}' END::jsonb,
    now() - n * 7919 %% 1000003 * interval '1 second'
FROM generate_series(1, %(products)s) AS n
""",
    """
INSERT INTO pms_integration_pmsvariant (connection_id, external_id, other_ids, variant_id)
SELECT 1 + n %% 2, 'V' || n, '{}', n FROM generate_series(1, %(products)s) AS n
""",
    """
INSERT INTO pms_integration_pmsstock (connection_id, variant_id, location_id, on_hand, reported_at, webhook_id)
SELECT 1 + n %% 2, n, (SELECT min(id) FROM inventory_location) + 1, CASE WHEN n %% 1000 = 0 THEN 5 ELSE
    (SELECT on_hand FROM inventory_stocklevel WHERE id = 2 * n - 1) END,
    now() - n * 7919 %% 1000003 * interval '1 second', 'm' || n
FROM generate_series(1, %(products)s) AS n
""",
    """
INSERT INTO pms_integration_pmsproductpush (pms_product_id, due_at, error)
SELECT id, CASE WHEN id %% 1000 > 0 THEN now() END, CASE WHEN id %% 1000 = 0 THEN 'It is not valid.' ELSE '' END
FROM pms_integration_pmsproduct WHERE id %% 100 = 0
""",
    """
INSERT INTO pms_integration_pmsstockpush (connection_id, level_id, delta, reason, reference, occurred_at, status,
    acknowledged_at, created_at)
SELECT 1 + n %% 2, n, -1, 'sale', '', now() - (%(products)s - n) * interval '10 seconds', 'acknowledged',
    now() - interval '30 days',
    now() - (%(products)s - n) * interval '10 seconds'
FROM generate_series(1, %(products)s) AS n
""",
    """
INSERT INTO pms_integration_pmsevent (connection_id, webhook_id, type, headers, body, status, received_at,
    processed_at, due_at)
SELECT 1 + n %% 2, 'm' || n, 'inventory.updated', '{}', '{}', CASE WHEN n %% 20000 = 0 THEN 'dead' ELSE 'processed' END,
    moment, moment, NULL
FROM generate_series(1, 2 * %(products)s) AS n,
    LATERAL (SELECT now() - (2 * %(products)s - n) * interval '10 seconds' AS moment) AS received
""",
    """
INSERT INTO pms_integration_syncrun (id, connection_id, mode, resources, dry_run, status, stage, listing, position,
    watermarks, processed, created, updated, unchanged, failed, archived, held_because, is_confirmed, errors, actor,
    door, request_id, claims, repeated_pages, attempts, failures, created_at, finished_at)
SELECT n, 1 + n %% 2, 'incremental', '{stock}', false, CASE WHEN n < 1000 THEN 'finished' ELSE 'held' END,
    'applying', '', 0, '{}', 100, 0, 100, 0, 0, 0, CASE WHEN n < 1000 THEN '' ELSE 'It would archive 30 of 40.' END,
    false, '[]', 'system', 'system', '', 0, 0, 0, 0, now() - (1000 - n) * interval '1 hour',
    CASE WHEN n < 1000 THEN now() - (1000 - n) * interval '1 hour' END
FROM generate_series(1, 1000) AS n
""",
    """
INSERT INTO pms_integration_syncdifference (run_id, resource, external_id, sku, field, action, detail)
SELECT 1 + n %% 1000, 'stock', '', 'BENCH-' || n, 'on_hand', 'take_pms', '' FROM generate_series(1, %(products)s) AS n
""",
    """
INSERT INTO pms_integration_importjob (dry_run, planned_categories, format, file, file_name, size_bytes, status, actor,
    processed, total, created, updated, unchanged, failed, error_count, warning_count, error, "offset", line,
    request_id, claims, attempts, sets_stock, finished_at)
SELECT false, '{}', 'csv', '', 'lamps.csv', 1000, 'finished', 'user:ada', 10, 10, 10, 0, 0, 0, 0, 0, '', 0, 1, '', 0, 0,
    false, now()
FROM generate_series(1, 1000)
""",
)
_FEED: Final = (
    # What thirty days leave of the events of as many movements.
    """
INSERT INTO events_event (id, sequence, type, subject, actor, request_id, occurred_at, data)
SELECT id, id, 'stock.changed', 'level:north/BENCH-' || level_id, actor, '', created_at,
    jsonb_build_object('movement', jsonb_build_object('id', id, 'delta', delta), 'level', level_id)
FROM inventory_stockmovement WHERE created_at > now() - interval '30 days'
""",
    "INSERT INTO events_feedhead (id, sequence) SELECT 1, max(sequence) FROM events_event ON CONFLICT DO NOTHING",
    "UPDATE events_feedhead SET sequence = (SELECT max(sequence) FROM events_event)",
    """
INSERT INTO events_parkedevent (event_id, receiver, attempts, last_error, resolved_at)
SELECT id, 'webhooks', 1, 'It failed.', CASE WHEN id %% 4000 > 0 THEN now() END FROM events_event WHERE id %% 1000 = 0
""",
    """
INSERT INTO webhooks_delivery (endpoint_id, event_id, type, sequence, status, next_attempt_at, created_at)
SELECT (SELECT min(id) FROM webhooks_webhookendpoint) + id %% 4, id, type, sequence,
    CASE WHEN id %% 9 = 0 THEN 'failed' ELSE 'delivered' END, NULL, occurred_at
FROM events_event ORDER BY id DESC LIMIT 2 * %(products)s
""",
    """
INSERT INTO webhooks_deliveryattempt (delivery_id, endpoint_id, at, status, ms, answer, error)
SELECT id, endpoint_id, created_at, CASE WHEN status = 'failed' THEN 500 ELSE 200 END, 20, '', ''
FROM webhooks_delivery ORDER BY id
""",
    "UPDATE webhooks_webhookendpoint SET failing_since = now() - interval '1 day', failures = 9 WHERE url LIKE '%%/4'",
    """
INSERT INTO access_auditentry (action, subject, name, actor, door, request_id, changes, detail, occurred_at)
SELECT 'stocktake.posted', 'stocktake:' || n, '', 'user:ada', 'admin', '', '[]', '{}',
    now() - (%(products)s - n) * interval '30 seconds'
FROM generate_series(1, %(products)s) AS n
""",
)
_IDENTITIES: Final = """
SELECT setval(pg_get_serial_sequence(relname::text, 'id'), 10000000)
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'id' AND attidentity <> ''
WHERE relname IN ('products_product', 'products_variant', 'inventory_stocklevel', 'events_event')
"""


def fill(products: int) -> None:
    """Makes so many products, in an empty database: 2 levels and 10 movements of each, and what comes of these."""
    for code in LOCATIONS:
        inventory.create_location(code=code, name=code.capitalize())
    for slug in ("erp", "shop"):
        pms = pms_integration.create_connection(slug=slug, name=slug.upper())
        assert pms.pk in (1, 2)
    for number in range(1, 5):
        webhooks.create_endpoint(url=EndpointURL(f"https://subscriber.example/{number}"), event_types=["*"])
    for number in range(50):
        create_api_client(name=f"client {number}", scopes=["products:read"])
        User.objects.create_user(f"user-{number}", is_staff=True)
        Group.objects.create(name=f"group {number}")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in (*_CATALOGUE, *_STOCK, *_PMS, *_FEED):
            cursor.execute(statement, _parameters(products))
        cursor.execute(_IDENTITIES)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _parameters(products: int) -> dict[str, int]:
    return {
        "products": products,
        "levels": 2 * products,
        "held": products // 20,
        "transfers": products // 50,
        "stocktakes": products // 100,
    }
