"""The gates that other tools hold: import-linter, Django's checks, migrations, the schema."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from drf_spectacular.drainage import GENERATOR_STATS

from pms_backend.api import schema_texts
from tests.architecture import addresses
from tests.architecture.sources import PACKAGES, ROOT


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )


def lint_imports(cwd: Path = ROOT, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache", *arguments, cwd=cwd)


def test_dependencies_point_down():
    linted = lint_imports()

    assert linted.returncode == 0, linted.stdout


def test_an_import_that_points_up_is_found(tmp_path):
    for name, text in {"low": "import high", "high": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_packages =\n    high\n    low\n[importlinter:contract:1]\nname = down\ntype = layers\n"
        "layers =\n    high\n    low\n"
    )

    assert lint_imports(tmp_path).returncode == 1


def test_the_system_checks_pass_as_in_production():
    checked = run(
        sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING",
        HTTPS="1", DEBUG="0", ALLOWED_HOSTS="pms.example.com", SECRET_KEY=Fernet.generate_key().decode() * 2,
        FIELD_ENCRYPTION_KEYS=Fernet.generate_key().decode(), RATE_LIMITS="", TRUSTED_PROXIES="10.0.0.0/8",
    )  # fmt: skip

    assert checked.returncode == 0, checked.stderr


WRONG_SETTINGS = [
    ("FIELD_ENCRYPTION_KEYS", "short"),
    ("TRUSTED_PROXIES", "10.0.0.0/99"),
    ("HTTPS", "maybe"),
    ("OUTBOUND_ALLOW", "http://pms.internal/"),
    ("STORAGE_ENDPOINT_URL", "minio:9000"),
    ("STORAGE_PUBLIC_URL", "https://cdn.example.com/?a=b"),
    ("STORAGE_BUCKET", "Not A Bucket"),
    ("SUPABASE_URL", "abc.supabase.co"),
    ("SUPABASE_JWT_SECRET", "short"),
    ("CORS_ALLOWED_ORIGINS", "*"),
    ("CORS_ALLOWED_ORIGINS", "https://shop.example.com/"),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATE_LIMITS", "{"),
        ("JWT_ROLE_SCOPES", '{"a": ["everything"]}'),
        *(pytest.param(*wrong, marks=pytest.mark.slow) for wrong in WRONG_SETTINGS),
    ],
)
def test_a_wrong_setting_fails_at_the_start_and_is_named(name, value):
    checked = run(sys.executable, "manage.py", "check", **{name: value})

    assert checked.returncode == 1
    assert f"{name} must " in checked.stderr


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration():
    out = io.StringIO()

    call_command("makemigrations", "--check", "--dry-run", stdout=out)

    assert out.getvalue() == "No changes detected\n"


def test_the_schema_is_valid_openapi_3_1_without_a_warning():
    GENERATOR_STATS.reset()
    out = io.StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", "--format", "openapi-json", stdout=out)

    assert '"openapi": "3.1' in out.getvalue()


def test_each_operation_has_one_known_tag_and_a_summary_of_its_own():
    document = addresses.openapi()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    summaries = [operation["summary"] for operation in operations]

    assert {len(operation["tags"]) for operation in operations} == {1}
    assert {tag["name"] for tag in document["tags"]} == {operation["tags"][0] for operation in operations}
    assert all(tag["description"] for tag in document["tags"])
    assert len(set(summaries)) == len(summaries)
    assert [summary for summary in summaries if not re.fullmatch(r"[A-Z][a-z]+ [\w ]{,50}", summary)] == []
    assert set(schema_texts.SUMMARIES) <= {operation["operationId"] for operation in operations}


@pytest.fixture
def scratch(transactional_db, monkeypatch):
    """Replaces the test database by an empty one during the test."""
    name = connection.settings_dict["NAME"] + "_scratch"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    with monkeypatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict, "NAME", name)
        yield
        connection.close()
    ContentType.objects.clear_cache()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def shape(labels):
    """Our columns, constraints, indexes, triggers, functions and settings of storage, as text."""
    pattern = f"^({'|'.join(labels)})_"
    queries = (
        """SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name ~ %s ORDER BY 1, 2""",
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid::regclass::text ~ %s ORDER BY 1, 2""",
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename ~ %s ORDER BY 1",
        """SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger
            WHERE NOT tgisinternal AND tgrelid::regclass::text ~ %s ORDER BY 1, 2""",
        """SELECT proname, prosrc FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace AND proname ~ %s ORDER BY 1""",
        "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL AND relname ~ %s ORDER BY 1",
    )
    found = []
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query, [pattern])
            found.append(cursor.fetchall())
    return found


def test_migrations_go_back_to_nothing_and_forth_again(scratch):
    ours = [config for config in apps.get_app_configs() if config.name.split(".")[0] in PACKAGES]
    labels = [config.label for config in ours if (Path(config.path) / "migrations").is_dir()]
    call_command("migrate", verbosity=0)
    before = shape(labels)

    # All in one plan: each call of the command would render the state of all models again.
    MigrationExecutor(connection).migrate([(label, None) for label in labels])
    nothing = shape(labels)
    forth = MigrationExecutor(connection)
    forth.migrate(forth.loader.graph.leaf_nodes())

    assert nothing == [[], [], [], [], [], []]
    assert shape(labels) == before
    assert all(before)


def test_the_settings_of_this_run_are_those_of_production():
    assert settings.DEBUG is False
    assert getattr(settings, "CELERY_TASK_ALWAYS_EAGER", False) is False
