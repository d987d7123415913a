"""Records which products a PMS has to be told: what it is told is worked out when it is sent."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import QuerySet

from pms_backend.api.arrays import as_array
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.outgoing import OutgoingConnector
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush
from pms_integration.services.product_pushes.wake_up import product_push_wake_up

# A worker that sends the product meanwhile sees by `requested_at` that it has to look at it again.
_REQUEST: Final = """
ORDER BY 1
ON CONFLICT (pms_product_id) DO UPDATE
SET requested_at = clock_timestamp(), due_at = least(push.due_at, clock_timestamp())
"""
_REQUEST_ROWS: Final = f"""
INSERT INTO pms_integration_pmsproductpush AS push (pms_product_id)
SELECT * FROM unnest(%s::bigint[])
{_REQUEST}
"""
# What a connection's own PMS has changed here, it knows.
_REQUEST_PRODUCTS: Final = f"""
INSERT INTO pms_integration_pmsproductpush AS push (pms_product_id)
SELECT DISTINCT link.id
FROM unnest(%s::bigint[], %s::text[]) AS changed(product_id, actor)
JOIN pms_integration_pmsproduct AS link ON link.product_id = changed.product_id AND NOT link.is_deleted
JOIN pms_integration_pmsconnection AS pms ON pms.id = link.connection_id
WHERE pms.base_url IS NOT NULL AND pms.kind = ANY (%s::text[]) AND changed.actor <> 'pms:' || pms.slug
{_REQUEST}
"""
# Products that a connection publishes by itself, and that are not known there, which a full run has to have shown.
_PUBLISH: Final = """
INSERT INTO pms_integration_pmsproduct (connection_id, product_id, digest, reason, payload, is_deleted)
SELECT pms.id, product.id, '', '', '{}', false
FROM pms_integration_pmsconnection AS pms
JOIN products_product AS product ON product.status = 'active'
LEFT JOIN products_category AS category ON category.id = product.category_id
WHERE pms.publish_mode = 'all' AND pms.is_active AND pms.base_url IS NOT NULL AND pms.kind = ANY (%(kinds)s::text[])
    AND (pms.publish_categories = '{}' OR category.slug = ANY (pms.publish_categories))
    AND (pms.publish_tags = '{}' OR product.tags && pms.publish_tags)
    AND (pms.publish_brands = '{}' OR product.brand = ANY (pms.publish_brands))
    AND {chosen}
    AND EXISTS (
        SELECT FROM pms_integration_syncrun AS run
        WHERE run.connection_id = pms.id AND run.mode = 'full' AND run.status = 'finished' AND NOT run.dry_run
            AND 'products' = ANY (run.resources))
    AND NOT EXISTS (
        SELECT FROM pms_integration_pmsproduct AS link
        WHERE link.connection_id = pms.id AND link.product_id = product.id)
ORDER BY pms.id, product.id
ON CONFLICT DO NOTHING
RETURNING id
"""
_PUBLISH_CHANGED: Final = _PUBLISH.replace("{chosen}", "product.id = ANY (%(products)s::bigint[])")
_PUBLISH_ALL: Final = _PUBLISH.replace("{chosen}", "pms.id = %(connection)s")


# A push without a request whose answer is awaited.
NO_REQUEST: Final[dict[str, Any]] = {
    "idempotency_key": None,
    "payload": None,
    "creates": False,
    "version": None,
    "sent": {},
    "attempts": 0,
}


def forget_creation(pushes: QuerySet[PMSProductPush]) -> None:
    """Forgets requests to make products that the PMS had already: it has not tried them, so that it made none."""
    pushes.filter(creates=True, attempts=0).update(**NO_REQUEST)


def product_kinds() -> list[str]:
    """The kinds of PMS that products are written to."""
    return sorted(kind for kind, connector in CONNECTORS.items() if isinstance(connector, OutgoingConnector))


def takes_products(pms: PMSConnection) -> bool:
    """Whether products are written to the PMS of the connection."""
    return pms.base_url is not None and pms.kind in product_kinds()


def request_pushes(pms_products: Collection[int]) -> None:
    """Requests pushes of these `PMSProduct`s. Locks their pushes, which are the last rows that a transaction locks."""
    if pms_products:
        with connection.cursor() as cursor:
            cursor.execute(_REQUEST_ROWS, [as_array(sorted(pms_products))])
        product_push_wake_up.send_after_commit()


def record_changes(actors: Mapping[int, Collection[str]]) -> None:
    """Requests pushes of products of ours that have changed; `actors` says who has changed each.

    Products that a connection publishes by itself are made there.
    """
    if not actors:
        return
    pairs = [(product, actor) for product, names in actors.items() for actor in sorted(names)]
    products, names = zip(*pairs, strict=True)
    kinds = as_array(product_kinds())
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISH_CHANGED, {"kinds": kinds, "products": as_array(sorted(actors))})
        made = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(_REQUEST_PRODUCTS, [as_array(products), as_array(names), kinds])
        is_requested = bool(cursor.rowcount)
    request_pushes(made)
    if is_requested:
        transaction.on_commit(product_push_wake_up.send, robust=True)


def request_pushes_of(pms: PMSConnection) -> None:
    """Requests pushes of all linked products: who owns their values has changed."""
    if takes_products(pms):
        linked = PMSProduct.objects.filter(connection=pms, product__isnull=False, is_deleted=False)
        request_pushes(list(linked.values_list("pk", flat=True)))


def publish_all(pms: PMSConnection) -> None:
    """Requests that all products are made at the PMS that its connection publishes by itself."""
    with connection.cursor() as cursor:
        cursor.execute(_PUBLISH_ALL, {"kinds": as_array(product_kinds()), "connection": pms.pk})
        made = [pk for (pk,) in cursor.fetchall()]
    request_pushes(made)
