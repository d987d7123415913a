"""Every variable that the settings read is in `.env.example` and in the operations guide."""

import ast
import re

import pytest

from tests.architecture.sources import ROOT, modules

READERS = frozenset(
    {"text", "flag", "integer", "listing", "choice", "mapping", "secret", "origin", "origins", "database", "redis"}
    | {"fraction", "mail_server", "secret_url", "sentry_dsn", "web_address"}
)


def find_variables(tree: ast.Module) -> set[str]:
    """The names that are given to the readers of `env`."""
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.func.attr in READERS
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def variables() -> set[str]:
    return find_variables(modules()["pms_backend/settings.py"])


def test_the_example_names_every_variable():
    example = ROOT / ".env.example"
    named = set(re.findall(r"^#?\s*([A-Z][A-Z0-9_]*)=", example.read_text() if example.exists() else "", re.MULTILINE))

    assert sorted(variables() - named) == []


def test_the_operations_guide_names_every_variable():
    guide = ROOT / "docs" / "operations.md"
    named = set(re.findall(r"\b[A-Z][A-Z0-9_]+\b", guide.read_text() if guide.exists() else ""))

    assert sorted(variables() - named) == []


def test_the_settings_read_the_environment_through_its_readers_alone():
    direct = {
        node.lineno
        for node in ast.walk(modules()["pms_backend/settings.py"])
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ.get", "os.getenv")
    }

    assert direct == set()


@pytest.mark.parametrize("call", ["env.text('NAME')", "env.flag('NAME', default=False)", "env.listing('NAME') or []"])
def test_a_variable_is_found(call):
    assert find_variables(ast.parse(call)) == {"NAME"}


def test_the_settings_read_all_variables_of_the_design():
    assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "RATE_LIMITS", "TRUSTED_PROXIES"} <= variables()
