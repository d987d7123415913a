"""`make bench ARGS=events`: how fast PMS events are applied.

The limit is a bulk adjustment of as many rows. Ours are as many stored webhooks, of which one in twenty is a figure,
applied by one worker. Both in turn, in one process, on the same levels.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import django
import orjson

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
os.environ.setdefault("SECRET_KEY", "benchmark")
django.setup()

from cryptography.fernet import Fernet  # noqa: E402 - Django is set up first
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks import report  # noqa: E402
from benchmarks.measure import Result, Side  # noqa: E402
from benchmarks.seed import make_stock  # noqa: E402
from benchmarks.workloads import LOCATION, Workload, sku  # noqa: E402
from inventory import services as inventory  # noqa: E402
from inventory.models import Location  # noqa: E402
from pms_integration import services  # noqa: E402
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus  # noqa: E402

TARGET: Final = 0.25
AIM_RATE: Final = 1_000
SKUS: Final = 1_000
# One figure among so many messages.
CHANGES_FOR_A_FIGURE: Final = 20


def adjust_in_bulk(rows: int) -> Callable[[], int]:
    """The limit."""
    adjustments = [
        inventory.Adjustment(index=index, sku=sku(index % SKUS), location=LOCATION, delta=1, reason="correction")
        for index in range(rows)
    ]

    def run() -> int:
        outcomes = inventory.adjust_stock_in_bulk(rows=adjustments)
        return sum(outcome.status == "applied" for outcome in outcomes)

    return run


def store_events(pms: PMSConnection, count: int, number: int) -> Callable[[], int]:
    """Ours: stores the webhooks, and returns what applies them."""
    chance = random.Random(number)
    start = datetime.now(tz=UTC) - timedelta(milliseconds=count)
    events = []
    for index in range(count):
        is_figure = index % CHANGES_FOR_A_FIGURE == 0
        kind = "inventory.updated" if is_figure else "inventory.adjusted"
        quantity = {"on_hand": chance.randrange(1_000_000)} if is_figure else {"delta": chance.choice([-2, -1, 1, 3])}
        moment = (start + timedelta(milliseconds=index)).isoformat()
        data = {"sku": sku(chance.randrange(SKUS)), "location": LOCATION, "occurred_at": moment, **quantity}
        body = orjson.dumps({"type": kind, "timestamp": moment, "data": data})
        events.append(PMSEvent(connection=pms, webhook_id=f"{number}-{index}", type=kind, body=body))
    PMSEvent.objects.bulk_create(events, batch_size=1_000)

    def run() -> int:
        before = _finished()
        while services.apply_due_events():
            continue
        return _finished() - before

    return run


def _finished() -> int:
    return PMSEvent.objects.filter(status__in=[PMSEventStatus.PROCESSED, PMSEventStatus.IGNORED]).count()


def measure(*, rounds: int, events: int) -> Result:
    """A warm-up of each side, then the rounds: limit, ours, limit, ours …"""
    limit, ours = Side(), Side()
    make_stock(SKUS)
    pms = services.create_connection(slug="bench", name="Bench")
    services.map_location(
        connection=pms, location=Location.objects.get(code=LOCATION), external_id=LOCATION, owns_stock=True
    )
    for number in range(rounds + 1):
        for side, run in ((limit, adjust_in_bulk(events)), (ours, store_events(pms, events, number))):
            rate = _rate(run, events)
            if number:
                side.rates.append(rate)
        if number:
            print(f"round {number}: limit {limit.rates[-1]:,.0f}/s, ours {ours.rates[-1]:,.0f}/s", file=sys.stderr)
    return Result(Workload(f"PMS events applied, {events:,}", SKUS, TARGET), limit, ours)


def _rate(run: Callable[[], int], events: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    began = time.perf_counter()
    count = run()
    seconds = time.perf_counter() - began
    if count != events:
        raise SystemExit(f"{count} of {events} were applied")
    return events / seconds


def main() -> int:
    """Prints the table and the aim; exit code 1 below the aim."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each side (default: %(default)s)")
    parser.add_argument("--events", type=int, default=10_000, help="in each round (default: %(default)s)")
    arguments = parser.parse_args()
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS or [Fernet.generate_key().decode()]
    call_command("migrate", verbosity=0)
    result = measure(rounds=arguments.rounds, events=arguments.events)
    print(report.table([result]))
    print(f"aim: {AIM_RATE:,}/s")
    return 0 if result.ours.rate >= AIM_RATE else 1


if __name__ == "__main__":
    sys.exit(main())
