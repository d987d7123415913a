"""History: who changed what, from what to what, through which door; the audit log's entries, written by services."""

import json
from collections.abc import Mapping, Sequence
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
# For what is never stored: the value of a secret, a credential or a header.
HIDDEN: Final = "set"

# Raw SQL for the same reason as in `events.services.recording`.
_RECORD: Final = """
INSERT INTO access_auditentry (action, subject, name, changes, detail, request_id, actor, door)
SELECT entry.action, entry.subject, entry.name, entry.changes, entry.detail, entry.request_id, %s, %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::text[])
    WITH ORDINALITY AS entry(action, subject, name, changes, detail, request_id, position)
ORDER BY entry.position
"""


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

    Values may be moments, decimals, and whatever JSON has; long ones are cut. Raises `TransactionManagementError`
    outside of a transaction.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("History is recorded in the transaction that makes it true.")
    if not entries:
        return
    origin = context.current()
    columns = [
        [entry.action for entry in entries],
        [entry.subject for entry in entries],
        [entry.name[:MAX_ENTRY_NAME_LENGTH] for entry in entries],
        [json.dumps([_as_json(change) for change in entry.changes]) for entry in entries],
        [json.dumps({name: _value(value) for name, value in entry.detail.items()}) for entry in entries],
        [origin.request_id if entry.request_id is None else entry.request_id for entry in entries],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [origin.actor, str(origin.door), *map(as_array, columns)])


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """The members of `after` that differ from `before`, in their order."""
    return [FieldChange(name, before.get(name), value) for name, value in after.items() if before.get(name) != value]


def values_of(row: models.Model, names: Sequence[str]) -> dict[str, Any]:
    """The values of these fields now, for `changes_between`."""
    return {name: getattr(row, name) for name in names}


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
