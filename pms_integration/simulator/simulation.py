"""The parts of a simulator, and a transaction of it."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from pms_integration.simulator.clock import Clock
from pms_integration.simulator.faults import Faults
from pms_integration.simulator.outbox import Outbox
from pms_integration.simulator.storage import Storage, count

# So long may the receiver of a webhook take.
ANSWER_SECONDS: Final = 15


@dataclass(frozen=True, slots=True)
class Transaction:
    """All that is written in it is committed together, webhooks too. `is_silent`: it announces nothing."""

    db: sqlite3.Connection
    clock: Clock
    outbox: Outbox
    is_silent: bool

    def count(self, name: str, by: int = 1) -> int:
        """Adds to a counter; returns its value."""
        return count(self.db, name, by)

    def announce(self, kind: str, data: dict[str, Any], *, moment: str) -> None:
        """Stores a webhook about what happened at this moment."""
        if not self.is_silent:
            self.outbox.add(self.db, kind, moment, data)


class Simulation:
    """What the endpoints work with."""

    def __init__(
        self, *, database: str, skew_seconds: float, faults: Faults, token: str, locations: Mapping[str, str]
    ) -> None:
        self.storage = Storage(database)
        self.clock = Clock(skew_seconds)
        self.faults = faults
        self.outbox = Outbox(faults)
        self.client = httpx.Client(timeout=ANSWER_SECONDS, trust_env=False)
        self.token = token
        with self.storage.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO location (id, name) VALUES (?, ?)", locations.items())

    @contextmanager
    def transaction(self, *, is_silent: bool = False) -> Iterator[Transaction]:
        """A transaction, after which the webhooks that it stored are sent."""
        with self.storage.transaction() as db:
            yield Transaction(db, self.clock, self.outbox, is_silent)
        self.outbox.changed.set()

    def close(self) -> None:
        """Closes the file and the connections."""
        self.client.close()
        self.storage.close()
