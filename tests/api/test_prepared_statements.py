"""Prepared statements: what is planned once stays planned."""

from contextlib import suppress

import psycopg
import pytest
from django.db import DatabaseError, NotSupportedError, connection, transaction

from pms_backend.api.prepared_statements import prepared_cursor

pytestmark = pytest.mark.django_db(transaction=True)

STATEMENT = "SELECT %(number)s::bigint + 1 /* a statement of this test */"


def run(number: int) -> int:
    with prepared_cursor() as cursor:
        cursor.execute(STATEMENT, {"number": number})
        return int(cursor.fetchone()[0])


def prepared() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE %s", ["%of this test%"])
        return [name for (name,) in cursor.fetchall()]


def test_a_statement_outlasts_a_refused_request_and_a_savepoint() -> None:
    connection.close()
    with suppress(ZeroDivisionError), transaction.atomic():
        assert run(1) == 2
        raise ZeroDivisionError
    first = prepared()
    with transaction.atomic(), suppress(ZeroDivisionError), transaction.atomic():
        assert run(2) == 3
        raise ZeroDivisionError

    assert len(first) == 1
    assert prepared() == first


def test_a_change_of_tables_has_it_prepared_again() -> None:
    """PostgreSQL refuses a plan whose columns have changed."""
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE one AS SELECT 1 AS first")
        with prepared_cursor() as reading:
            reading.execute("SELECT * FROM one", {})
            assert reading.fetchall() == [(1,)]
        cursor.execute("ALTER TABLE one ADD COLUMN second bigint DEFAULT 2")
        with prepared_cursor() as reading:
            reading.execute("SELECT * FROM one", {})
            assert reading.fetchall() == [(1, 2)]


def test_a_change_of_tables_by_another_session_fails_one_request() -> None:
    """A migration while web processes run."""
    connection.close()
    given = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    parameters = {name: given[name] for name in names if name in given}

    def read() -> list[tuple[int]]:
        with transaction.atomic(), prepared_cursor() as cursor:
            cursor.execute("SELECT first FROM changing", {})
            return list(cursor.fetchall())

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE changing AS SELECT 1::int AS first")
    try:
        assert read() == [(1,)]
        with psycopg.connect(**parameters, autocommit=True) as other:
            other.execute("ALTER TABLE changing ALTER first TYPE bigint")
        with pytest.raises(NotSupportedError):
            read()

        assert [read(), read()] == [[(1,)], [(1,)]]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE changing")


def test_a_statement_that_somebody_has_dropped_fails_once() -> None:
    connection.close()
    run(1)
    with connection.cursor() as cursor:
        cursor.execute("DO 'BEGIN EXECUTE ''DEALLOCATE ALL''; END'")
    with pytest.raises(DatabaseError):
        run(2)

    assert [run(2), run(3)] == [3, 4]


def test_executions_that_fail_leave_one_statement() -> None:
    connection.close()
    for _ in range(5):
        with suppress(DatabaseError), transaction.atomic(), prepared_cursor() as cursor:
            cursor.execute("SELECT 1 / %(number)s::bigint /* a failure of this test */", {"number": 0})

    assert len(prepared()) == 1
