"""The cursor of a thread's prepared statements."""

import pytest
from django.db import DataError, connection
from django.test.utils import CaptureQueriesContext

from pms_backend.api.prepared_statements import prepared_cursor

pytestmark = pytest.mark.django_db(transaction=True)


def select(number: int) -> int:
    with prepared_cursor() as cursor:
        cursor.execute("SELECT %(number)s", {"number": number})
        selected: int = cursor.fetchone()[0]
    return selected


def test_one_cursor_runs_one_statement_after_the_other():
    with prepared_cursor() as first:
        pass
    with prepared_cursor() as second:
        pass

    assert first is second


def test_a_statement_within_the_block_of_another_leaves_its_rows():
    with prepared_cursor() as cursor:
        cursor.execute("SELECT generate_series(1, %(last)s)", {"last": 3})

        assert select(7) == 7
        assert cursor.fetchall() == [(1,), (2,), (3,)]


def test_rows_are_freed_at_the_end_of_the_block():
    with prepared_cursor() as cursor:
        cursor.execute("SELECT %(number)s", {"number": 1})

    assert cursor.cursor.pgresult is None


def test_a_new_connection_has_a_new_cursor():
    assert select(1) == 1
    connection.close()

    assert select(2) == 2


def test_a_statement_that_failed_spoils_no_later_one():
    with pytest.raises(DataError), prepared_cursor() as cursor:
        cursor.execute("SELECT 1 / %(number)s", {"number": 0})

    assert select(2) == 2


def test_captured_queries_have_the_statement():
    select(1)
    with CaptureQueriesContext(connection) as captured:
        select(1)

    assert [query["sql"] for query in captured.captured_queries] == ["SELECT $1"]
