"""The stock that PMSs last reported beside ours, what differs, and what PMSs are not told yet."""

from typing import Any, Final

from django.db.models import BigIntegerField, Count, Min, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Abs
from django.db.models.lookups import GreaterThan

from pms_backend.api.arrays import as_array
from pms_integration.models import PMSConnection, PMSProductPush, PMSStock, PMSStockPush, StockPushStatus
from pms_integration.services.stock_pushes.openings import changes_a_level
from pms_integration.services.stock_pushes.recording import pushing_kinds

# A movement is recorded as a push when the relay publishes its event; what is not published yet is in the outbox. It is
# summed up once for all rows, by connection and level, since a search in each level's ledger costs as much as the
# ledger is long. The movement that opened a level is never pushed.
_UNPUBLISHED: Final = f"""
SELECT jsonb_object_agg(own.connection_id || ' ' || own.level_id, own.total) FROM (
    SELECT mapped.connection_id, movement.level_id, sum(movement.delta) AS total
    FROM events_event AS event
    JOIN inventory_stockmovement AS movement ON movement.id = (event.data #>> '{{movement,id}}')::bigint
    JOIN inventory_stocklevel AS changed ON changed.id = movement.level_id
    JOIN pms_integration_pmslocation AS mapped ON mapped.location_id = changed.location_id
    JOIN pms_integration_pmsconnection AS told ON told.id = mapped.connection_id
    WHERE event.sequence IS NULL AND event.type = 'stock.changed' AND event.data -> 'movement' <> 'null'
        AND NOT starts_with(movement.source, told.slug || ':')
        AND {changes_a_level("movement", "mapped.connection_id")}
    GROUP BY mapped.connection_id, movement.level_id
) AS own
"""
# Columns of a row of PMSStock. Each sum is read by an index of the level.
_PMS_ON_HAND: Final = """
pms_integration_pmsstock.on_hand + coalesce((
    SELECT sum(change.delta) FROM inventory_stockmovement AS change
    WHERE change.level_id = level.id AND change.reported_at > pms_integration_pmsstock.reported_at
        AND starts_with(change.source, pms.slug || ':')
), 0) + coalesce((
    SELECT sum(push.delta) FROM pms_integration_pmsstockpush AS push
    WHERE push.connection_id = pms.id AND push.level_id = level.id
        AND push.acknowledged_at > pms_integration_pmsstock.reported_at
), 0)
"""
_PENDING: Final = f"""
CASE WHEN pms.base_url IS NOT NULL AND pms.kind = ANY (%s::text[]) THEN coalesce((
    SELECT sum(push.delta) FROM pms_integration_pmsstockpush AS push
    WHERE push.connection_id = pms.id AND push.level_id = level.id AND push.acknowledged_at IS NULL
        AND push.status = 'pending'
), 0) + coalesce((({_UNPUBLISHED}) ->> (pms.id || ' ' || level.id))::bigint, 0) ELSE 0 END
"""
_ERROR: Final = """
coalesce((
    SELECT push.error FROM pms_integration_pmsstockpush AS push
    WHERE push.connection_id = pms.id AND push.level_id = level.id AND push.acknowledged_at IS NULL
        AND push.status = 'rejected' AND NOT EXISTS (
            SELECT FROM pms_integration_pmsstockpush AS later
            WHERE later.connection_id = push.connection_id AND later.level_id = push.level_id AND later.id > push.id)
), '')
"""
_OF_THE_ROW: Final = """
FROM pms_integration_pmsconnection AS pms
LEFT JOIN inventory_stocklevel AS level ON level.variant_id = pms_integration_pmsstock.variant_id
    AND level.location_id = pms_integration_pmsstock.location_id
WHERE pms.id = pms_integration_pmsstock.connection_id
"""
# Of rows with their comparison; a row without a level of ours is neither.
# By one condition: PostgreSQL computes the difference anew for each.
DIFFERING: Final = GreaterThan(Abs("difference"), 0)
AGREEING: Final = Q(difference=0)


def with_comparison(stock: QuerySet[PMSStock]) -> QuerySet[Any]:
    """The rows with our side of them.

    - `our_on_hand`: the quantity of our level; None without a level, which is unknown and not 0
    - `pms_on_hand`: the latest figure, with the PMS's changes and our acknowledged pushes that are later
    - `pending`: what the PMS has not acknowledged yet; 0 for a PMS that is not told of our changes
    - `difference`: `our_on_hand` - `pms_on_hand` - `pending`; None without a level
    - `error`: why the PMS has rejected the last push; empty if it has not
    """
    return stock.annotate(
        our_on_hand=_column("level.on_hand", pending=False),
        pms_on_hand=_column(_PMS_ON_HAND, pending=False),
        pending=_column(_PENDING, pending=True),
        difference=_column(f"level.on_hand - ({_PMS_ON_HAND}) - ({_PENDING})", pending=True),
        error=RawSQL(f"SELECT {_ERROR} {_OF_THE_ROW}", (), output_field=TextField()),  # noqa: S611 - constant text
    )


def _column(expression: str, *, pending: bool) -> RawSQL:
    parameters = [as_array(pushing_kinds())] if pending else []
    sql = f"SELECT ({expression})::bigint {_OF_THE_ROW}"
    return RawSQL(sql, parameters, output_field=BigIntegerField(null=True))  # noqa: S611 - constant text


def count_differing() -> dict[str, int]:
    """How many levels differ, by the slug of the connection."""
    differing = with_comparison(PMSStock.objects.order_by()).filter(DIFFERING)
    count = dict(differing.values_list("connection").annotate(count=Count("pk")))
    return {slug: count.get(pk, 0) for slug, pk in PMSConnection.objects.values_list("slug", "pk")}


def with_waiting(connections: QuerySet[PMSConnection]) -> QuerySet[Any]:
    """The connections with what their PMSs are not told yet; None where there is nothing.

    - `waiting_products`, `waiting_stock`: the pushes that wait; `oldest_product`, `oldest_stock`: since when
    - `refused_products`: the pushes that the PMS has refused, which wait for the next change
    """
    products = PMSProductPush.objects.order_by().filter(pms_product__connection=OuterRef("pk"))
    of_products = products.values("pms_product__connection")
    waiting, refused = of_products.filter(due_at__isnull=False), of_products.filter(due_at__isnull=True)
    pending = PMSStockPush.objects.order_by().filter(connection=OuterRef("pk"), status=StockPushStatus.PENDING)
    stock = pending.values("connection")
    return connections.annotate(
        waiting_products=Subquery(waiting.annotate(count=Count("pk")).values("count")),
        oldest_product=Subquery(waiting.annotate(oldest=Min("requested_at")).values("oldest")),
        refused_products=Subquery(refused.annotate(count=Count("pk")).values("count")),
        waiting_stock=Subquery(stock.annotate(count=Count("pk")).values("count")),
        oldest_stock=Subquery(stock.annotate(oldest=Min("created_at")).values("oldest")),
    )
