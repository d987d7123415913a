"""The checks that ask the database: its clock, its pooler, the owner of its tables, Supabase's generated API."""

import sys
import time
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.checks import Tags, run_checks
from django.db import DEFAULT_DB_ALIAS, connection
from django.test import override_settings

from pms_backend.operations import database_checks
from tests.architecture.test_gates import run

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def found(*databases: str) -> list[tuple[str | None, str]]:
    messages = run_checks(tags=[Tags.database], databases=databases or [DEFAULT_DB_ALIAS])
    assert all("\n" not in message.msg for message in messages)
    return [(message.id, message.msg) for message in messages if (message.id or "").startswith("pms.")]


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_migrated_database_has_no_problem():
    assert found() == []


def test_without_a_database_nothing_is_asked(django_assert_num_queries: Any):
    with django_assert_num_queries(0):
        assert run_checks(tags=[Tags.database]) == []


@pytest.mark.parametrize(("ahead", "words"), [(-2.5, "2.5 s ahead of"), (60, "60.0 s behind")])
def test_a_clock_that_differs_is_found(monkeypatch: pytest.MonkeyPatch, ahead: float, words: str):
    monkeypatch.setattr(database_checks, "_now", lambda: time.time() + ahead)

    ((code, message),) = found()

    assert code == "pms.W020"
    assert f"the clock of PostgreSQL is {words} that of this machine" in message


def test_a_second_is_no_difference(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database_checks, "_now", lambda: time.time() + 1)

    assert found() == []


def test_a_pooler_in_transaction_mode_is_found_where_the_settings_say_none():
    is_pooled = configured.DATABASE_POOLER == "transaction"  # of .ci/database-tests

    with override_settings(DATABASE_POOLER="none"):
        codes = [code for code, _ in found()]

    assert codes == (["pms.E021"] if is_pooled else [])


def test_a_user_from_whom_rows_are_hidden_is_found():
    execute("CREATE ROLE reader; GRANT ALL ON ALL TABLES IN SCHEMA public TO reader; SET LOCAL ROLE reader")

    ((code, message),) = found()

    assert code == "pms.E022"
    assert "products_product" in message


def test_what_the_generated_api_would_show_is_found_where_there_is_one():
    execute("ALTER TABLE products_product DISABLE ROW LEVEL SECURITY")
    without = found()
    execute("CREATE ROLE anon")

    ((code, message),) = found()

    assert without == []
    assert code == "pms.W021"
    assert "1 statements such as ALTER TABLE products_product ENABLE ROW LEVEL SECURITY" in message


@pytest.mark.slow
def test_a_database_that_does_not_answer_is_one_line():
    checked = run(sys.executable, "manage.py", "migrate", DATABASE_URL="postgresql://pms:any@127.0.0.1:1/pms")

    assert checked.returncode == 1
    assert "(pms.E020) DATABASE_URL: the database cannot be asked: connection failed" in checked.stderr
    assert "Traceback" not in checked.stderr
