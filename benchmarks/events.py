"""How fast PMS events are applied, inside Django.

The limit is a bulk adjustment of as many rows. Ours are as many stored webhooks, of which one in twenty is a figure,
applied by one worker. Both in one process, on the same levels.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
from django.db import connection

from benchmarks.inside import Work, measure_inside_django
from benchmarks.workloads import LOCATION, PMS, sku
from inventory import services as inventory
from inventory.models import Location
from pms_integration import services
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus

SKUS: Final = 1_000
EVENTS_FOR_A_SECOND: Final = 3_000
# One figure among so many messages.
CHANGES_FOR_A_FIGURE: Final = 20


class BulkAdjustment(Work):
    """The limit."""

    def prepare(self, count: int) -> None:
        """As many rows."""
        self._rows = [
            inventory.Adjustment(index=index, sku=sku(index % SKUS), location=LOCATION, delta=1, reason="correction")
            for index in range(count)
        ]
        _vacuum()

    def run(self) -> int:
        """The rows applied."""
        outcomes = inventory.adjust_stock_in_bulk(rows=self._rows)
        return sum(outcome.status == "applied" for outcome in outcomes)


class EventsApplied(Work):
    """Ours."""

    def __init__(self) -> None:
        self._connection = PMSConnection.objects.get(slug=PMS)
        location = Location.objects.get(code=LOCATION)
        services.map_location(connection=self._connection, location=location, external_id=LOCATION, owns_stock=True)
        self._stored = 0

    def prepare(self, count: int) -> None:
        """Stores the webhooks."""
        chance = random.Random(self._stored)
        start = datetime.now(tz=UTC) - timedelta(milliseconds=count)
        events = []
        for index in range(count):
            is_figure = index % CHANGES_FOR_A_FIGURE == 0
            kind = "inventory.updated" if is_figure else "inventory.adjusted"
            quantity = {"on_hand": chance.randrange(1_000_000)} if is_figure else {"delta": chance.choice([-2, -1, 3])}
            moment = (start + timedelta(milliseconds=index)).isoformat()
            data = {"sku": sku(chance.randrange(SKUS)), "location": LOCATION, "occurred_at": moment, **quantity}
            body = orjson.dumps({"type": kind, "timestamp": moment, "data": data})
            webhook_id = f"{self._stored}-{index}"
            events.append(PMSEvent(connection=self._connection, webhook_id=webhook_id, type=kind, body=body))
        PMSEvent.objects.bulk_create(events, batch_size=1_000)
        self._stored += count
        _vacuum()

    def run(self) -> int:
        """The events applied."""
        before = _finished()
        while services.apply_due_events():
            continue
        return _finished() - before


def _finished() -> int:
    return PMSEvent.objects.filter(status__in=[PMSEventStatus.PROCESSED, PMSEventStatus.IGNORED]).count()


def _vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    measure_inside_django({"limit": BulkAdjustment(), "ours": EventsApplied()}, count_for_a_second=EVENTS_FOR_A_SECOND)
