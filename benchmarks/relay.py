"""`make bench ARGS=relay`: how fast the relay publishes.

The limit is the least work that numbers events: batches of 500 by a bare `UPDATE … RETURNING`, on a table like ours,
without receivers. Ours is `relay_pending` with all receivers. Both in turn, in one process.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
os.environ.setdefault("SECRET_KEY", "benchmark")
django.setup()

from cryptography.fernet import Fernet  # noqa: E402 - Django is set up first
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from benchmarks import report  # noqa: E402
from benchmarks.measure import Result, Side  # noqa: E402
from benchmarks.workloads import Workload  # noqa: E402
from pms_backend.events import services  # noqa: E402
from pms_backend.events.services.receiving import receivers  # noqa: E402

BATCH: Final = 500
TARGET: Final = 0.15
TARGET_RATE: Final = 2_000

TABLES: Final = """
CREATE TABLE bench_event (LIKE events_event INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES);
"""

# An adjustment's event as `inventory/services/ledger.py` writes it, by a client, so that the audit log gets it too.
RECORD: Final = """
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

NUMBER: Final = """
UPDATE bench_event AS event SET sequence = event.id
FROM (SELECT id FROM bench_event WHERE sequence IS NULL ORDER BY id LIMIT %s) AS batch
WHERE event.id = batch.id RETURNING event.*
"""


def number_pending() -> int:
    """The limit."""
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(NUMBER, [BATCH])
            count = len(cursor.fetchall())
        if not count:
            return total
        total += count


def measure(*, rounds: int, events: int) -> Result:
    """A warm-up of each side, then the rounds: limit, ours, limit, ours …"""
    limit, ours = Side(), Side()
    workload = Workload(f"relay, {len(receivers)} receivers, {events:,} events", 0, TARGET)
    sides = ((limit, "bench_event", number_pending), (ours, "events_event", services.relay_pending))
    for number in range(rounds + 1):
        for side, table, publish in sides:
            rate = _rate(table, publish, events)
            if number:
                side.rates.append(rate)
        if number:
            print(f"round {number}: limit {limit.rates[-1]:,.0f}/s, ours {ours.rates[-1]:,.0f}/s", file=sys.stderr)
    return Result(workload, limit, ours)


def _rate(table: str, publish: Callable[[], int], events: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute(RECORD.format(table=table), [events])
    began = time.perf_counter()
    count = publish()
    seconds = time.perf_counter() - began
    if count != events:
        raise SystemExit(f"{count} of {events} events were published")
    return events / seconds


def main() -> int:
    """Prints the table; exit code 1 below the promised rate."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each side (default: %(default)s)")
    parser.add_argument("--events", type=int, default=10_000, help="in each round (default: %(default)s)")
    arguments = parser.parse_args()
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS or [Fernet.generate_key().decode()]
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
    result = measure(rounds=arguments.rounds, events=arguments.events)
    print(report.table([result]))
    print(f"promised: {TARGET_RATE:,}/s")
    return 0 if result.ours.rate >= TARGET_RATE else 1


if __name__ == "__main__":
    sys.exit(main())
