"""`make bench ARGS=reservations`: the cost of reserving a unit and then committing it.

The limit is the same rows by bare SQL: a level, a reservation with its line, a movement and the events, in two
transactions. Ours is the two services. Both run in the same number of threads, each with its own connection.
"""

import argparse
import itertools
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
os.environ.setdefault("SECRET_KEY", "benchmark")
django.setup()

import psycopg  # noqa: E402 - Django is set up first
from cryptography.fernet import Fernet  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402

from benchmarks import report  # noqa: E402
from benchmarks.measure import Result, Side  # noqa: E402
from benchmarks.seed import make_stock  # noqa: E402
from benchmarks.workloads import ON_HAND, Workload, sku  # noqa: E402
from inventory import services as inventory  # noqa: E402

TARGET: Final = 0.30
WARM_UP_SECONDS: Final = 1.0
EXPIRES_IN: Final = 900

TABLES: Final = """
CREATE TABLE bench_stock (sku text PRIMARY KEY, on_hand bigint NOT NULL, reserved bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0, CHECK (on_hand >= reserved));
CREATE TABLE bench_reservation (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, reference text UNIQUE,
    status text NOT NULL DEFAULT 'active', expires_at timestamptz NOT NULL);
CREATE TABLE bench_line (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    reservation_id bigint REFERENCES bench_reservation, sku text REFERENCES bench_stock, quantity bigint NOT NULL);
CREATE TABLE bench_movement (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, sku text REFERENCES bench_stock,
    version bigint, delta bigint, on_hand_after bigint, UNIQUE (sku, version));
CREATE TABLE bench_event (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, type text, data jsonb);
"""
RESERVE: Final = (
    "UPDATE bench_stock SET reserved = reserved + 1, version = version + 1 WHERE sku = %(sku)s AND on_hand > reserved",
    "INSERT INTO bench_reservation (reference, expires_at) VALUES (%(reference)s, now() + interval '15 minutes')",
    (
        "INSERT INTO bench_line (reservation_id, sku, quantity)"
        " SELECT id, %(sku)s, 1 FROM bench_reservation WHERE reference = %(reference)s"
    ),
    (
        "INSERT INTO bench_event (type, data) VALUES ('stock.changed', jsonb_build_object('sku', %(sku)s::text)),"
        " ('reservation.created', jsonb_build_object('reference', %(reference)s::text))"
    ),
)
COMMIT: Final = (
    "SELECT id FROM bench_reservation WHERE reference = %(reference)s AND status = 'active' FOR NO KEY UPDATE",
    (
        "WITH sold AS (UPDATE bench_stock SET on_hand = on_hand - 1, reserved = reserved - 1, version = version + 1"
        " WHERE sku = %(sku)s RETURNING *)"
        " INSERT INTO bench_movement (sku, version, delta, on_hand_after) SELECT sku, version, -1, on_hand FROM sold"
    ),
    "UPDATE bench_reservation SET status = 'committed' WHERE reference = %(reference)s",
    (
        "INSERT INTO bench_event (type, data) VALUES ('stock.changed', jsonb_build_object('sku', %(sku)s::text)),"
        " ('reservation.committed', jsonb_build_object('reference', %(reference)s::text))"
    ),
)

_references = itertools.count()
_of_thread = threading.local()

Pair = Callable[[str, str], None]


def by_sql(name: str, reference: str) -> None:
    """The limit."""
    bare = bare_connection()
    for statements in (RESERVE, COMMIT):
        with bare.transaction():
            for statement in statements:
                bare.execute(statement, {"sku": name, "reference": reference})


def by_services(name: str, reference: str) -> None:
    """Ours."""
    wanted = inventory.ReservationRequest(sku=name, quantity=1)
    reservation, _ = inventory.reserve_stock(client="bench", reference=reference, lines=[wanted], expires_in=EXPIRES_IN)
    inventory.commit_reservation(reservation_id=reservation.pk, client="bench")


def bare_connection() -> psycopg.Connection[Any]:
    """The open connection of this thread."""
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    bare: psycopg.Connection[Any] = _of_thread.connection
    return bare


def rate(pair: Pair, *, skus: int, threads: int, seconds: float) -> float:
    """Pairs a second."""
    counts, ends_at = [0] * threads, time.perf_counter() + seconds

    def work(index: int) -> None:
        chance = random.Random()
        while time.perf_counter() < ends_at:
            pair(sku(chance.randrange(skus)), f"order-{next(_references)}")
            counts[index] += 1
        connections.close_all()

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / seconds


def stock(skus: int) -> None:
    """The same rows on both sides."""
    make_stock(skus)
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        cursor.execute("INSERT INTO bench_stock (sku, on_hand) SELECT sku, %s FROM products_variant", [ON_HAND])
        cursor.execute("VACUUM ANALYZE")


def measure(*, skus: int, threads: int, rounds: int, seconds: float) -> Result:
    """A warm-up of each side, then the rounds: limit, ours, limit, ours …"""
    limit, ours = Side(), Side()
    for number in range(rounds + 1):
        for side, pair in ((limit, by_sql), (ours, by_services)):
            pairs = rate(pair, skus=skus, threads=threads, seconds=seconds if number else WARM_UP_SECONDS)
            if number:
                side.rates.append(pairs)
    return Result(Workload(f"reserve and commit, {skus:,} SKUs", skus, TARGET), limit, ours)


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reservations", description=__doc__)
    parser.add_argument("--skus", type=int, default=10_000, help="in stock (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=4, help="at once (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of each side (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each round (default: %(default)s)")
    arguments = parser.parse_args()
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS or [Fernet.generate_key().decode()]
    call_command("migrate", verbosity=0)
    stock(arguments.skus)
    results = [
        measure(skus=skus, threads=arguments.threads, rounds=arguments.rounds, seconds=arguments.seconds)
        for skus in (arguments.skus, 1)
    ]
    print(report.table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
