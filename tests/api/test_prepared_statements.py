"""Prepared statements: what is planned once stays planned."""

from contextlib import suppress

import pytest
from django.db import connection, transaction

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
