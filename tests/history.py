"""What the history says, and how many statements it takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from pms_backend.access.models import AuditEntry


def changes_of(entry: AuditEntry) -> list[tuple[str, Any, Any]]:
    """The entry's fields, each with what it was and what it is."""
    return [(change["field"], change["from"], change["to"]) for change in entry.changes]


@contextmanager
def history_writes() -> Iterator[list[str]]:
    """The statements of the block that write history."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield found
    found += [query["sql"] for query in queries if "INTO access_auditentry" in query["sql"].replace('"', "")]
