"""System checks that ask the database: run by `migrate`, and by `manage.py check --database default`."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps.config import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Advice
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from pms_backend.operations.row_level_security import find_missing
from pms_backend.operations.supabase_checks import TRANSACTION_PORT

# Moments of ours and of PostgreSQL are compared in many places; a reported one may be a few minutes ahead.
MAX_CLOCK_OFFSET_SECONDS: Final = 2.0
# How many transactions of two connections are tried: a pooler may give one session to both, or may not.
TRIES: Final = 5
_FILTERED: Final = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relname = ANY (%s) AND row_security_active(oid) ORDER BY 1
"""
_HAS_API_ROLES: Final = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname IN ('anon', 'authenticated'))"
_now = time.time


def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Finds a database that does not answer, has another clock, or is behind another pooler than the settings say."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        try:
            found += _find_problems(connections[alias])
        except OperationalError as error:
            reason = str(error).strip().partition("\n")[0]
            found.append(Error(f"DATABASE_URL: the database cannot be asked: {reason}", id="pms.E020"))
    return found


def _find_problems(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    if abs(offset := clock_offset(connection)) > MAX_CLOCK_OFFSET_SECONDS:
        yield Advice(
            f"DATABASE_URL: the clock of PostgreSQL is {abs(offset):.1f} s {'ahead of' if offset > 0 else 'behind'} "
            "that of this machine: synchronise both by NTP.",
            id="pms.W020",
        )
    is_pooled_by_port = connection.settings_dict["PORT"] == TRANSACTION_PORT  # which pms.E010 says already
    if settings.DATABASE_POOLER == "none" and not is_pooled_by_port and shares_sessions(connection):
        yield Error(
            "DATABASE_POOLER must be `transaction`: DATABASE_URL leads to a pooler in transaction mode.", id="pms.E021"
        )
    if filtered := _filtered_tables(connection):
        yield Error(
            f"DATABASE_URL: its user must own the tables, because row-level security hides {', '.join(filtered)} from "
            "it: use the user that ran the first `migrate`.",
            id="pms.E022",
        )
    elif _has_api_roles(connection) and (missing := find_missing(connection.alias)):
        yield Advice(
            f"DATABASE_URL: Supabase's generated API may show what is ours: run `migrate`, which does {len(missing)} "
            f"statements such as {missing[0]}.",
            id="pms.W021",
        )


def clock_offset(connection: BaseDatabaseWrapper) -> float:
    """How many seconds the clock of PostgreSQL is ahead of ours, with an error of half a round trip."""
    with connection.cursor() as cursor:
        began_at = _now()
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        ended_at = _now()
        return float(cursor.fetchone()[0]) - (began_at + ended_at) / 2


def shares_sessions(connection: BaseDatabaseWrapper) -> bool:
    """Whether two connections were served by one session of PostgreSQL, or one by two: then it is true for certain.

    False may be wrong where other clients keep the pooler busy.
    """
    first, second = connection.copy(), connection.copy()
    try:
        return any(_have_shared(first, second) for _ in range(TRIES))
    finally:
        first.close()
        second.close()


def _have_shared(first: BaseDatabaseWrapper, second: BaseDatabaseWrapper) -> bool:
    before = _session(first)
    second.set_autocommit(False)
    other = _session(second)
    after = _session(first)
    second.rollback()
    second.set_autocommit(True)
    return before != after or other in (before, after)


def _session(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _filtered_tables(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_FILTERED, [connection.introspection.django_table_names()])
        return [name for (name,) in cursor.fetchall()]


def _has_api_roles(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_HAS_API_ROLES)
        return bool(cursor.fetchone()[0])
