"""The PMS's stock: a level for each SKU and location, and the movements that explain it."""

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pms_integration.simulator.exchange import Refusal
from pms_integration.simulator.paging import Page, make_cursor
from pms_integration.simulator.simulation import Transaction

_UPSERT: Final = """
INSERT INTO level (sku, location, on_hand, version, updated_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (sku, location) DO UPDATE
SET on_hand = excluded.on_hand, version = excluded.version, updated_at = excluded.updated_at
"""
_INSERT: Final = """
INSERT INTO movement (sku, location, delta, reason, reference, on_hand, version, occurred_at, idempotency_key)
VALUES (:sku, :location, :delta, :reason, :reference, :on_hand, :version, :occurred_at, :key)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A relative change of a level; `key` is the idempotency key of one that comes from outside."""

    sku: str
    location: str
    delta: int
    reason: str
    reference: str = ""
    key: str | None = None


def list_stock(work: Transaction, page: Page, skus: Sequence[str]) -> tuple[list[dict[str, Any]], str | None]:
    """A page of levels by SKU and location, of all SKUs or of these, and the cursor of the next."""
    named = f"AND sku IN ({', '.join('?' * len(skus))})" if skus else ""
    rows = work.db.execute(
        f"""SELECT * FROM level WHERE (sku, location) > (?, ?) AND updated_at >= ? {named}
        ORDER BY sku, location LIMIT ?""",
        (*(page.after or ("", "")), page.since, *skus, page.limit + 1),
    ).fetchall()
    shown = rows[: page.limit]
    has_more = len(rows) > len(shown)
    return [dict(row) for row in shown], make_cursor(shown[-1]["sku"], shown[-1]["location"]) if has_more else None


def list_locations(work: Transaction) -> list[dict[str, Any]]:
    """All locations."""
    return [dict(row) for row in work.db.execute("SELECT id, name FROM location ORDER BY id")]


def adjust(work: Transaction, change: Change) -> dict[str, Any]:
    """Applies an adjustment once by its key; returns its result."""
    first = work.db.execute("SELECT * FROM movement WHERE idempotency_key = ?", (change.key,)).fetchone()
    if first is not None:
        is_same = (first["sku"], first["location"], first["delta"]) == (change.sku, change.location, change.delta)
        outcome = "duplicate" if is_same else "idempotency_key_reused"
        return _result(work, change, outcome, first if is_same else None)
    try:
        return _result(work, change, "applied", move(work, change))
    except Refusal as refusal:
        return _result(work, change, refusal.body["code"])


def move(work: Transaction, change: Change, *, as_figure: bool = False) -> sqlite3.Row:
    """Writes a movement and announces the change, or with `as_figure` the figure after it.

    A level that does not exist begins at 0. Returns the movement. Raises `Refusal`.
    """
    level = _find_level(work, change.sku, change.location)
    on_hand, version, before = (level["on_hand"], level["version"], level["updated_at"]) if level else (0, 0, None)
    movement: sqlite3.Row = work.db.execute(
        f"{_INSERT} RETURNING *",
        {
            **asdict(change),
            "on_hand": on_hand + change.delta,
            "version": version + 1,
            "occurred_at": work.clock.moment_after(before),
        },
    ).fetchone()
    names = ("sku", "location", "on_hand", "version", "occurred_at")
    work.db.execute(_UPSERT, [movement[name] for name in names])
    _announce(work, movement, as_figure=as_figure)
    return movement


def count_stock(work: Transaction, sku: str, location: str, on_hand: int) -> sqlite3.Row:
    """Sets a level to a counted figure; one that changes nothing has a movement of 0. Raises `Refusal`."""
    level = _find_level(work, sku, location)
    delta = on_hand - (level["on_hand"] if level else 0)
    return move(work, Change(sku=sku, location=location, delta=delta, reason="count"), as_figure=True)


def _announce(work: Transaction, movement: sqlite3.Row, *, as_figure: bool) -> None:
    kind = "inventory.updated" if as_figure else "inventory.adjusted"
    names = ("on_hand", "version") if as_figure else ("delta", "reason", "reference", "idempotency_key")
    data = {name: movement[name] for name in ("sku", "location", "occurred_at", *names)}
    data = {name: value for name, value in data.items() if value not in (None, "")}
    work.announce(kind, data, moment=movement["occurred_at"])


def _find_level(work: Transaction, sku: str, location: str) -> sqlite3.Row | None:
    """The level, None where there is none yet. Raises `Refusal` where there cannot be one."""
    level: sqlite3.Row | None = work.db.execute(
        "SELECT * FROM level WHERE sku = ? AND location = ?", (sku, location)
    ).fetchone()
    if level is not None:
        return level
    if work.db.execute("SELECT 1 FROM location WHERE id = ?", (location,)).fetchone() is None:
        raise Refusal(422, "unknown_location", f"There is no location {location}.")
    known = "SELECT 1 FROM variant WHERE sku = :sku UNION ALL SELECT 1 FROM level WHERE sku = :sku"
    if work.db.execute(known, {"sku": sku}).fetchone() is None:
        raise Refusal(422, "unknown_sku", f"There is no SKU {sku}.")
    return None


def _result(work: Transaction, change: Change, outcome: str, movement: sqlite3.Row | None = None) -> dict[str, Any]:
    status, code = (outcome, None) if movement is not None else ("rejected", outcome)
    work.count(f"adjustments.{status}")
    figure = {name: movement[name] if movement is not None else None for name in ("on_hand", "version", "occurred_at")}
    return {"idempotency_key": change.key, "status": status, "code": code, **figure}
