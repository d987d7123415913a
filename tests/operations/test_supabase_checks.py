"""The usual mistakes with Supabase are found in the settings, and named in one line each."""

import re
import sys
from typing import Any

import pytest

from pms_backend import env
from pms_backend.file_storage import file_storage
from pms_backend.operations import supabase_checks
from pms_backend.operations.supabase_checks import database_advice, database_errors, project_advice, storage_errors
from tests.architecture.sources import ROOT
from tests.architecture.test_gates import run

POOLER = "aws-0-eu-central-1.pooler.supabase.com"
DIRECT = "postgresql://postgres:secret@db.abc.supabase.co:5432/postgres?sslmode=require"
SESSION = f"postgresql://postgres.abc:secret@{POOLER}:5432/postgres?sslmode=require"
TRANSACTION = f"postgresql://postgres.abc:secret@{POOLER}:6543/postgres?sslmode=require"
ELSEWHERE = "postgresql://pms:secret@postgres:5432/pms"
AUTH = "https://abc.supabase.co"
S3 = {
    "bucket": "pms",
    "endpoint_url": "https://abc.storage.supabase.co/storage/v1/s3",
    "region": "eu-central-1",
    "access_key": "key",
    "secret_key": "any-secret",
    "public_url": "https://abc.supabase.co/storage/v1/object/public/pms",
}


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`database(url, pooler)`: the entry of DATABASES."""

    def entry(url: str, pooler: str = "none") -> dict[str, Any]:
        monkeypatch.setenv("DATABASE_URL", url)
        return env.database("DATABASE_URL", pooler=pooler)

    return entry


def ids(found: Any) -> list[str]:
    messages = list(found)
    assert all("\n" not in message.msg and message.msg[0].isupper() for message in messages)
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("url", "pooler", "found"),
    [
        (DIRECT, "none", []),
        (SESSION, "none", []),
        (TRANSACTION, "transaction", []),
        # The dedicated pooler of a project.
        (DIRECT.replace("5432", "6543"), "transaction", []),
        (ELSEWHERE, "none", []),
        (ELSEWHERE, "transaction", []),
        (TRANSACTION, "none", ["pms.E010"]),
        (DIRECT.replace("5432", "6543"), "none", ["pms.E010"]),
        (ELSEWHERE.replace("5432", "6543"), "none", ["pms.E010"]),
        (SESSION.replace("postgres.abc", "postgres"), "none", ["pms.E011"]),
        (SESSION.replace("postgres.abc", "postgres") + "&options=reference%3Dabc", "none", []),
        (TRANSACTION.replace("postgres.abc", "postgres"), "none", ["pms.E010", "pms.E011"]),
    ],
)
def test_a_database_that_cannot_work_stops_the_start(database: Any, url: str, pooler: str, found: list[str]):
    assert ids(database_errors(database(url, pooler), pooler)) == found


@pytest.mark.parametrize(
    ("url", "pooler", "has_ipv6", "found"),
    [
        (DIRECT, "none", True, []),
        (SESSION, "none", False, []),
        (TRANSACTION, "transaction", False, []),
        (ELSEWHERE, "transaction", False, []),
        (SESSION, "transaction", True, ["pms.W010"]),
        (DIRECT.replace(":5432", ""), "transaction", True, ["pms.W010"]),
        (SESSION.replace("require", "verify-full"), "none", True, []),
        (SESSION.replace("require", "prefer"), "none", True, ["pms.W011"]),
        (SESSION.partition("?")[0], "none", True, ["pms.W011"]),
        (DIRECT, "none", False, ["pms.W012"]),
    ],
)
def test_what_would_work_better_is_advice(
    database: Any, monkeypatch: pytest.MonkeyPatch, url: str, pooler: str, has_ipv6: bool, found: list[str]
):
    monkeypatch.setattr(supabase_checks, "has_ipv6", lambda: has_ipv6)

    assert ids(database_advice(database(url, pooler), pooler)) == found


@pytest.mark.parametrize(
    ("url", "endpoint", "auth", "found"),
    [
        (DIRECT, "", AUTH, []),
        (SESSION, S3["endpoint_url"], AUTH, []),
        (SESSION, "https://abc.supabase.co/storage/v1/s3", AUTH, []),
        (ELSEWHERE, "http://minio:9000", "", []),
        (ELSEWHERE, "", AUTH, []),
        # A domain of one's own names no project.
        (SESSION, "", "https://auth.example.com", []),
        (SESSION, "", "", ["pms.W013"]),
        (DIRECT, "", "https://other.supabase.co", ["pms.W014"]),
        (SESSION, "", "https://other.supabase.co", ["pms.W014"]),
        (ELSEWHERE, S3["endpoint_url"], "https://other.supabase.co", ["pms.W014"]),
    ],
)
def test_database_auth_and_storage_should_be_of_one_project(
    database: Any, url: str, endpoint: str, auth: str, found: list[str]
):
    assert ids(project_advice(database(url), {"endpoint_url": endpoint}, auth)) == found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"endpoint_url": "https://abc.supabase.co/storage/v1/s3"}, []),
        ({"public_url": "https://cdn.example.com/pictures"}, []),
        ({"endpoint_url": "https://abc.supabase.co"}, ["pms.E012"]),
        ({"access_key": "", "secret_key": ""}, ["pms.E013"]),
        ({"region": ""}, ["pms.E014"]),
        ({"public_url": ""}, ["pms.E015"]),
        ({"public_url": "https://abc.supabase.co/storage/v1/object/public/other"}, ["pms.E015"]),
        ({"public_url": "https://abc.supabase.co/storage/v1/object/pms"}, ["pms.E015"]),
        ({"endpoint_url": "http://minio:9000", "region": "", "public_url": ""}, []),
    ],
)
def test_a_bucket_at_supabase_needs_its_keys_region_and_public_address(changes: dict[str, str], found: list[str]):
    storage = file_storage(**{**S3, **changes})

    assert ids(storage_errors(storage.backend["OPTIONS"], storage.media_url)) == found


def test_files_on_this_machine_need_nothing():
    assert ids(storage_errors({}, "/media/")) == []


@pytest.mark.slow
def test_an_error_stops_the_start_with_its_line():
    checked = run(sys.executable, "manage.py", "migrate", DATABASE_URL=TRANSACTION, DATABASE_POOLER="none")

    assert checked.returncode == 1
    assert "(pms.E010) DATABASE_POOLER must be `transaction` where DATABASE_URL has port 6543" in checked.stderr
    assert "Traceback" not in checked.stderr


@pytest.mark.slow
def test_check_deploy_shows_the_advice():
    checked = run(sys.executable, "manage.py", "check", "--deploy", DATABASE_URL=TRANSACTION.partition("?")[0],
                  DATABASE_POOLER="transaction", SUPABASE_URL="https://other.supabase.co")  # fmt: skip

    assert checked.returncode == 0
    assert "(pms.W011) DATABASE_URL should end in ?sslmode=require" in checked.stderr
    assert "they name DATABASE_URL abc, SUPABASE_URL other." in checked.stderr


def test_every_check_is_in_the_guides():
    modules = (ROOT / "pms_backend/operations").glob("*_checks.py")
    codes = {code for module in modules for code in re.findall(r"pms\.[EW]\d{3}", module.read_text())}
    guides = "".join((ROOT / "docs" / name).read_text() for name in ("supabase.md", "operations.md"))

    assert len(codes) > 15
    assert [code for code in sorted(codes) if code not in guides] == []
