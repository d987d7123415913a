"""The webhooks that wait to be sent, stored in the transaction of what they announce."""

import json
import sqlite3
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from pms_integration.simulator.faults import Faults
from pms_integration.simulator.storage import count

_INSERT: Final = "INSERT INTO webhook (id, body, status, due_at, place) VALUES (?, ?, ?, ?, ?) RETURNING number"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it is stored; `number` is that of its row, which a duplicate does not share."""

    number: int
    id: str
    body: str
    attempts: int


class Outbox:
    """Orders the webhooks by when they are due, then by `place`, the order in which they were announced.

    Rows with the status `waiting` and `held` (a reordered one) will be sent; those that are `lost` or `refused` will
    not, and stay for the tests to look at. A webhook that arrived is deleted.
    """

    def __init__(self, faults: Faults) -> None:
        self.url = ""
        self.secret = ""
        self.is_paused = False
        self.changed = threading.Event()
        self._faults = faults

    def add(self, db: sqlite3.Connection, kind: str, timestamp: str, data: dict[str, Any]) -> None:
        """Stores a webhook with its faults. Without a URL nobody is subscribed, and nothing is stored."""
        if not self.url:
            return
        faults = self._faults.of_webhook()
        body = json.dumps({"type": kind, "timestamp": timestamp, "data": data})
        webhook_id, now = f"msg_{uuid.uuid4().hex}", time.time()
        count(db, "webhooks.announced")
        if "lost_webhook" in faults:
            count(db, "webhooks.lost")
            db.execute(_INSERT, (webhook_id, body, "lost", now, 0)).fetchone()
            return
        is_late = "late_webhook" in faults
        due_at = now + (self._faults.some_seconds("late_seconds") if is_late else 0)
        number = db.execute(_INSERT, (webhook_id, body, "waiting", due_at, 0)).fetchone()[0]
        db.execute("UPDATE webhook SET place = number WHERE number = ?", (number,))
        if is_late:
            count(db, "webhooks.late")
        if "duplicate_webhook" in faults:
            count(db, "webhooks.duplicated")
            again_at = due_at + self._faults.some_seconds("duplicate_seconds")
            db.execute(_INSERT, (webhook_id, body, "waiting", again_at, number)).fetchone()
        if not is_late:
            self._reorder(db, number, due_at, is_reordered="reordered_webhook" in faults)

    def _reorder(self, db: sqlite3.Connection, number: int, due_at: float, *, is_reordered: bool) -> None:
        """Sends the webhook that is held right after this one; else holds this one if it is to be reordered."""
        released = db.execute(
            "UPDATE webhook SET status = 'waiting', due_at = ?, place = ? WHERE status = 'held'",
            (due_at, number + 0.5),
        )
        if is_reordered and not released.rowcount:
            count(db, "webhooks.reordered")
            held_until = due_at + self._faults.seconds("reorder_seconds")
            db.execute("UPDATE webhook SET status = 'held', due_at = ? WHERE number = ?", (held_until, number))

    def next_due(self, db: sqlite3.Connection) -> Webhook | None:
        """The next webhook to send now."""
        row = db.execute(
            """SELECT number, id, body, attempts FROM webhook WHERE status IN ('waiting', 'held') AND due_at <= ?
            ORDER BY due_at, place LIMIT 1""",
            (time.time(),),
        ).fetchone()
        return Webhook(**row) if row else None

    def find(self, db: sqlite3.Connection, webhook_id: str) -> Webhook | None:
        """A webhook that has not arrived yet, by its id."""
        row = db.execute(
            "SELECT number, id, body, attempts FROM webhook WHERE id = ? ORDER BY number LIMIT 1", (webhook_id,)
        ).fetchone()
        return Webhook(**row) if row else None

    def list_waiting(self, db: sqlite3.Connection) -> list[dict[str, Any]]:
        """All rows with their messages, in the order in which they will be sent."""
        rows = db.execute("SELECT number, id, status, due_at, attempts, body FROM webhook ORDER BY due_at, place")
        return [{**dict(row), "body": json.loads(row["body"])} for row in rows]

    def remove(self, db: sqlite3.Connection, webhook: Webhook) -> None:
        """It has arrived."""
        db.execute("DELETE FROM webhook WHERE number = ?", (webhook.number,))

    def refuse(self, db: sqlite3.Connection, webhook: Webhook) -> None:
        """It is not sent again."""
        db.execute("UPDATE webhook SET status = 'refused' WHERE number = ?", (webhook.number,))

    def postpone(self, db: sqlite3.Connection, webhook: Webhook, seconds: float) -> None:
        """It is sent again later."""
        db.execute(
            "UPDATE webhook SET status = 'waiting', due_at = ?, attempts = attempts + 1 WHERE number = ?",
            (time.time() + seconds, webhook.number),
        )
