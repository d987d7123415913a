"""How fast the relay publishes, inside Django.

The limit is the least work that numbers events: batches of 500 by a bare `UPDATE … RETURNING`, on a table like ours,
without receivers. Ours is `relay_pending` with all receivers, without an endpoint and with ten.
"""

from typing import Final

from django.db import connection, transaction

from benchmarks.inside import Work, measure_inside_django
from pms_backend.events import services
from webhooks import services as webhooks
from webhooks.models import WebhookEndpoint
from webhooks.services.endpoints import EndpointURL

ENDPOINTS: Final = 10
EVENTS_FOR_A_SECOND: Final = 2_500
BATCH: Final = 500

_TABLES: Final = """
CREATE TABLE bench_event (LIKE events_event INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
"""

# An adjustment's event as `inventory/services/ledger.py` writes it, by a client, so that the audit log gets it too.
_RECORD: Final = """
INSERT INTO {table} (type, subject, actor, request_id, data)
SELECT 'stock.changed', 'level:bench/bench-' || number %% 1000, 'client:bench', repeat('f', 32), jsonb_build_object(
    'level', jsonb_build_object('sku', 'bench-' || number %% 1000, 'location', 'bench', 'on_hand', number,
        'reserved', 0,
        'incoming', 0, 'available', number, 'version', number, 'reorder_point', null, 'backorder_limit', 0,
        'is_oversold', false, 'updated_at', now()),
    'movement', jsonb_build_object('id', number, 'sku', 'bench-' || number %% 1000, 'location', 'bench',
        'reason', 'sale', 'delta', -1, 'on_hand_after', number, 'note', '', 'reference', 'order-' || number,
        'actor', 'client:bench', 'request_id', repeat('f', 32), 'occurred_at', now(), 'created_at', now()))
FROM generate_series(1, %s) AS number
"""

_NUMBER: Final = """
UPDATE bench_event AS event SET sequence = event.id
FROM (SELECT id FROM bench_event WHERE sequence IS NULL ORDER BY id LIMIT %s) AS batch
WHERE event.id = batch.id RETURNING event.*
"""


def record_events(count: int, table: str = "events_event") -> None:
    """Records events that are not published yet."""
    with connection.cursor() as cursor:
        cursor.execute(_RECORD.format(table=table), [count])


class BareNumbers(Work):
    """The limit."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_TABLES)

    def prepare(self, count: int) -> None:
        """Records them in the bare table."""
        record_events(count, "bench_event")

    def run(self) -> int:
        """The events numbered."""
        total = 0
        while True:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_NUMBER, [BATCH])
                count = len(cursor.fetchall())
            if not count:
                return total
            total += count


class Relay(Work):
    """Ours, with so many endpoints."""

    def __init__(self, endpoints: int) -> None:
        self._endpoints = endpoints

    def prepare(self, count: int) -> None:
        """Records them, and makes the endpoints."""
        WebhookEndpoint.objects.all().delete()
        for number in range(self._endpoints):
            webhooks.create_endpoint(url=EndpointURL(f"http://127.0.0.1/{number}"), event_types=["stock.*"])
        # What these changes have recorded.
        services.relay_pending()
        record_events(count)

    def run(self) -> int:
        """The events published."""
        return services.relay_pending()


if __name__ == "__main__":
    measure_inside_django(
        {"limit": BareNumbers(), "ours": Relay(0), "ten endpoints": Relay(ENDPOINTS)},
        count_for_a_second=EVENTS_FOR_A_SECOND,
    )
