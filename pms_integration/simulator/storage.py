"""The SQLite file: its tables, and transactions one at a time."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS location (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS product (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, updated_at TEXT NOT NULL, is_deleted INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS variant (sku TEXT PRIMARY KEY, product TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS variant_of_product ON variant (product);
CREATE TABLE IF NOT EXISTS used_key (idempotency_key TEXT PRIMARY KEY, request TEXT NOT NULL, product TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS level (
    sku TEXT, location TEXT, on_hand INTEGER NOT NULL, version INTEGER NOT NULL, updated_at TEXT NOT NULL,
    PRIMARY KEY (sku, location)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS movement (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL, location TEXT NOT NULL, delta INTEGER NOT NULL, reason TEXT NOT NULL,
    reference TEXT NOT NULL, on_hand INTEGER NOT NULL, version INTEGER NOT NULL, occurred_at TEXT NOT NULL,
    idempotency_key TEXT UNIQUE
);
CREATE TABLE IF NOT EXISTS webhook (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, due_at REAL NOT NULL,
    place REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS webhook_due ON webhook (status, due_at, place);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_COUNT: Final = """
INSERT INTO counter (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value RETURNING value
"""


class Storage:
    """One connection for all threads. Transactions run one by one, so that moments are in the order of commits."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        # A killed process loses nothing; only a power failure might.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits at the end, rolls back on an exception. It does not nest."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Waits for the transaction that runs."""
        with self._lock:
            self._connection.close()


def count(db: sqlite3.Connection, name: str, by: int = 1) -> int:
    """Adds to a counter; returns its value."""
    value: int = db.execute(_COUNT, (name, by)).fetchone()[0]
    return value
