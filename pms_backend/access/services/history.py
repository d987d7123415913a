"""History: who changed what, from what to what, through which door; the audit log's entries, written by services."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection, models, transaction

from pms_backend.access.models import MAX_ENTRY_NAME_LENGTH
from pms_backend.api import context
from pms_backend.api.arrays import as_array

# Of a text; a list or an object is stored as a text where its JSON is longer.
MAX_VALUE_LENGTH: Final = 1_000
# Of an entry: the first ones. How many there were is in its detail, as `change_count`.
MAX_CHANGES: Final = 200
CHANGE_COUNT: Final = "change_count"
# For what is never stored: the value of a secret, a credential or a header.
HIDDEN: Final = "set"

# Raw SQL for the same reason as in `events.services.recording`.
_RECORD: Final = """
INSERT INTO access_auditentry (action, subject, name, changes, detail, request_id, actor, door)
SELECT entry.action, entry.subject, entry.name, entry.changes, entry.detail, entry.request_id, entry.actor, entry.door
FROM unnest(
    %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::text[], %s::text[], %s::text[]
) WITH ORDINALITY AS entry(action, subject, name, changes, detail, request_id, actor, door, position)
ORDER BY entry.position
"""
# The values of an entry, in the order of the columns.
_Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Recorded:
    """Entries of a block of `collected`. Work after the commit, which Django drops with its savepoint."""

    rows: list[_Row]

    def __call__(self) -> None:
        """Nothing is left to do: the entries are in the database."""


_block: ContextVar[list[_Recorded] | None] = ContextVar("block of collected history", default=None)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that was `before` and is `after`; None where there was, or is, nothing."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """Something done to `subject` (`product:12`), whose `name` at this moment is for people.

    `detail` has what is no field. `request_id` is that of the webhook which reports it; None for the present
    request's.
    """

    action: str
    subject: str
    name: str = ""
    changes: Sequence[FieldChange] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    request_id: str | None = None


def record_audit(
    *, action: str, subject: str, name: str = "", changes: Sequence[FieldChange] = (), **detail: Any
) -> None:
    """Adds an entry for the actor of the running request, in the transaction of what it tells of.

    Raises `TransactionManagementError` outside of a transaction.
    """
    record_history([HistoryEntry(action=action, subject=subject, name=name, changes=changes, detail=detail)])


def record_history(entries: Sequence[HistoryEntry]) -> None:
    """Adds entries for the actor of the running request by one statement, in the transaction of what they tell of.

    Within `collected`, they are added at its end. Values may be moments, decimals, and whatever JSON has; long ones are
    cut, and so are changes beyond `MAX_CHANGES`. Raises `TransactionManagementError` outside of a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("History is recorded in the transaction that makes it true.")
    if not entries:
        return
    rows, block = [_row(entry) for entry in entries], _block.get()
    if block is None:
        _insert(rows)
        return
    recorded = _Recorded(rows)
    transaction.on_commit(recorded)
    block.append(recorded)


@contextmanager
def collected() -> Iterator[None]:
    """Adds what the services of the block record by one statement at its end, in the transaction around it.

    Nothing is added after an exception, nor of a savepoint that was rolled back. A block within another joins it.
    """
    if _block.get() is not None:
        yield
        return
    block: list[_Recorded] = []
    token = _block.set(block)
    try:
        yield
    finally:
        _block.reset(token)
    kept = {work[1] for work in connection.run_on_commit}
    _insert([row for recorded in block if recorded in kept for row in recorded.rows])


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """The members of `after` that differ from `before`, in their order."""
    return [FieldChange(name, before.get(name), value) for name, value in after.items() if before.get(name) != value]


def values_of(row: models.Model, names: Sequence[str]) -> dict[str, Any]:
    """The values of these fields now, for `changes_between`."""
    return {name: getattr(row, name) for name in names}


def _insert(rows: Sequence[_Row]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_RECORD, [as_array(column) for column in zip(*rows, strict=True)])


def _row(entry: HistoryEntry) -> _Row:
    origin = context.current()
    changes, detail = entry.changes, dict(entry.detail)
    if len(changes) > MAX_CHANGES:
        changes, detail[CHANGE_COUNT] = changes[:MAX_CHANGES], len(changes)
    return (
        entry.action,
        entry.subject,
        entry.name[:MAX_ENTRY_NAME_LENGTH],
        json.dumps([_as_json(change) for change in changes]),
        json.dumps({name: _value(value) for name, value in detail.items()}),
        origin.request_id if entry.request_id is None else entry.request_id,
        origin.actor,
        str(origin.door),
    )


def _as_json(change: FieldChange) -> dict[str, Any]:
    return {"field": change.field, "from": _value(change.before), "to": _value(change.after)}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, list | tuple | dict):
        text = json.dumps(value, ensure_ascii=False)
        return value if len(text) <= MAX_VALUE_LENGTH else _cut(text)
    return value


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 1] + "…"
