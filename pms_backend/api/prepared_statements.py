"""Statements that PostgreSQL parses and plans once per connection instead of once per execution.

Planning the statement of an adjustment takes longer than executing it: prepared, its transaction takes 0.9 ms instead
of 2.1 ms. Behind a pooler in transaction mode `prepare_threshold` is None, so psycopg prepares nothing and only binds
the parameters on the server.
"""

import re
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Self

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor
from psycopg._preparing import Prepare, PrepareManager
from psycopg._queries import PostgresQuery, _query2pg_nocache
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName
from psycopg.pq import ExecStatus
from psycopg.types.numeric import Int8

_CHANGES_TABLES: Final = re.compile(rb"DROP|ALTER|DISCARD|DEALLOCATE").match


@lru_cache(maxsize=256)
def _parsed(statement: str, encoding: str) -> Any:
    return _query2pg_nocache(statement.encode(encoding), encoding)


class _ParsedOnce(PostgresQuery):
    """psycopg parses a statement of more than 4,096 characters for its parameters at each execution: 0.1 ms."""

    def convert(self, query: Any, vars: Any) -> None:  # noqa: A002 - psycopg's name
        self.query, self._want_formats, self._order, self._parts = _parsed(query, self._tx.encoding)
        self.dump(vars)


class _LastingStatements(PrepareManager):
    """psycopg drops all prepared statements of a connection after each ROLLBACK, and so after each refused request.

    Its next requests would each plan their statement anew, five times: 2 ms each. PostgreSQL keeps what is prepared,
    whether or not the transaction is rolled back.
    """

    def clear(self) -> bool:
        """What psycopg calls after a rollback."""
        return False

    def forget_all(self) -> None:
        """Has each statement prepared again, under another name. PostgreSQL drops the old ones with the connection."""
        self._names.clear()

    def validate(self, key: Any, prep: Any, name: Any, results: Any) -> None:
        """Keeps a prepared statement whose first execution fails, as PostgreSQL does: each would prepare another."""
        if prep is not Prepare.SHOULD:
            super().validate(key, prep, name, results)
        elif not self._should_discard(prep, results):
            self._rotate()

    def _should_discard(self, prep: Any, results: Any, *_: Any) -> bool:
        for result in results:
            if result.status == ExecStatus.COMMAND_OK and _CHANGES_TABLES(result.command_status or b""):
                return super().clear()
        return False


class _PreparedCursor(Cursor[Any]):
    _query_cls = _ParsedOnce

    def execute(self, query: Any, params: Any = None, **_: Any) -> Self:
        try:
            return super().execute(query, _as_bigints(params), prepare=True)
        except (FeatureNotSupported, InvalidSqlStatementName):
            # Another session has changed the type of a column, or a pooler has dropped the statement: whatever is
            # prepared would fail for as long as the connection lasts. So it is this execution alone that does.
            prepared: Any = self.connection._prepared
            prepared.forget_all()
            raise

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        # Django logs the statement from `_query`, which psycopg does not set for prepared ones.
        self._query = super()._convert_query(query, params)
        return self._query

    def release_result(self) -> None:
        """Frees the memory of the last result, as closing the cursor does."""
        self._reset()


class _ReusedCursor(CursorWrapper):
    """Goes back to its thread where another cursor is closed."""

    def __init__(self, cursor: _PreparedCursor, db: BaseDatabaseWrapper) -> None:
        super().__init__(cursor, db)
        self.session = db.connection

    def fetchall(self) -> list[Any]:
        with self.db.wrap_database_errors:
            rows: list[Any] = self.cursor.fetchall()
        return rows

    def __exit__(self, *_: object) -> None:
        self.cursor.release_result()
        _of_thread.cursor = self


class _OfThread(threading.local):
    """The cursor that the thread's next prepared statement may use; none while one is in use."""

    cursor: _ReusedCursor | None = None


_of_thread = _OfThread()


def on_one_line(statement: str) -> str:
    """The statement without its indentation; it must not contain comments or significant spaces in quotes."""
    return " ".join(statement.split())


def prepared_cursor() -> Any:
    """Like `connection.cursor()`, but prepares the statements that it executes. Parameters are passed by name.

    To be used in a `with` block. Making a cursor takes as long as executing a statement, so the thread keeps one.
    """
    database = connections[DEFAULT_DB_ALIAS]
    cursor = _of_thread.cursor
    if cursor is None or cursor.session is not database.connection or database.queries_logged:
        return _new_cursor(database)
    _of_thread.cursor = None
    return cursor


def _new_cursor(database: BaseDatabaseWrapper) -> Any:
    database.close_if_health_check_failed()
    database.ensure_connection()
    # psycopg has no setting for this. The class has the same attributes.
    database.connection._prepared.__class__ = _LastingStatements
    cursor: Any = _PreparedCursor(database.connection)
    return database.make_debug_cursor(cursor) if database.queries_logged else _ReusedCursor(cursor, database)


def _as_bigints(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Sends all integers as bigint: psycopg picks the smallest type that fits, and PostgreSQL plans each type anew."""
    return {
        name: Int8(value) if type(value) is int else _list_as_bigints(value) if type(value) is list else value
        for name, value in parameters.items()
    }


def _list_as_bigints(values: list[Any]) -> list[Any]:
    return [Int8(value) if type(value) is int else value for value in values]
