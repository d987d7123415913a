"""The cost of reserving a unit and then committing it, by the services alone, inside Django.

The limit is that of the API's comparison, the same rows by bare SQL. Both run in the same number of threads, each with
its own connection.
"""

import itertools
import os
import random
import secrets
import threading
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import psycopg
from django.db import connections

from benchmarks import reservation_limit
from benchmarks.inside import Work, measure_inside_django
from benchmarks.workloads import sku
from inventory import services as inventory

SKUS: Final = 1_000
THREADS: Final = 4
PAIRS_FOR_A_SECOND: Final = 300
EXPIRES_IN: Final = 900


class Pairs(Work):
    """So many pairs, shared by the threads."""

    def __init__(self) -> None:
        self._prefix, self._numbers = secrets.token_hex(8), itertools.count()
        self._count = 0

    def prepare(self, count: int) -> None:
        """So many."""
        self._count = count

    def run(self) -> int:
        """The pairs done."""
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(self._work, range(THREADS)))

    def _work(self, thread: int) -> int:
        pairs, chance = range(thread, self._count, THREADS), random.Random(thread)
        for _ in pairs:
            self.pair(sku(chance.randrange(SKUS)), f"{self._prefix}-{next(self._numbers)}")
        connections.close_all()
        return len(pairs)

    @abstractmethod
    def pair(self, name: str, reference: str) -> None:
        """Reserves a unit of this SKU, and commits."""


class BySQL(Pairs):
    """The limit."""

    _of_thread = threading.local()

    def pair(self, name: str, reference: str) -> None:
        """By bare SQL."""
        number = reservation_limit.reserve(self._connection(), reference=reference, sku=name, quantity=1)
        assert number is not None
        reservation_limit.commit(self._connection(), reservation_id=number)

    def _connection(self) -> psycopg.Connection[Any]:
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        opened: psycopg.Connection[Any] = self._of_thread.connection
        return opened


class ByServices(Pairs):
    """Ours."""

    def pair(self, name: str, reference: str) -> None:
        """By the two services."""
        wanted = inventory.ReservationRequest(sku=name, quantity=1)
        reservation, _ = inventory.reserve_stock(
            client="bench", reference=reference, lines=[wanted], expires_in=EXPIRES_IN
        )
        inventory.commit_reservation(reservation_id=reservation.pk, client="bench")


if __name__ == "__main__":
    measure_inside_django({"limit": BySQL(), "ours": ByServices()}, count_for_a_second=PAIRS_FOR_A_SECOND)
