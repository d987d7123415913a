"""Migrations: one of the schema and one of triggers an app, with their SQL in files, and no code of ours in them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT

LOADER = "pms_backend.api.migration_sql"
SCHEMA, TRIGGERS = "0001_initial", "0002_triggers"
# The only migration that runs Python: it makes the groups of the staff, whose permissions it has to make first.
ROLES = ("operations", "0002_roles")
FOLDERS = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("migrations") if path.is_dir())


def find_project_imports(tree: ast.Module) -> list[str]:
    """The modules of ours that a migration imports, except the one that loads its SQL."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append("." * node.level + (node.module or ""))
    return [name for name in names if name.split(".")[0] in {"", *PACKAGES} and name != LOADER]


def find_code(tree: ast.Module) -> list[str]:
    """The operations of a migration that run Python, or SQL that does not stand in a file."""
    return [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("Run")]


def loaded_files(tree: ast.Module) -> Iterator[str]:
    """The names of the SQL files that a migration runs."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("run_sql_file"), args=[ast.Name("__file__"), ast.Constant(str(name))]):
                yield name


def migrations(folder: Path) -> dict[str, ast.Module]:
    return {path.stem: ast.parse(path.read_text()) for path in sorted(folder.glob("[!_]*.py"))}


def test_every_app_with_tables_is_checked():
    assert len(FOLDERS) == 8


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_an_app_has_one_migration_of_its_schema_and_one_of_its_triggers(folder: Path):
    has_triggers = any("CREATE FUNCTION" in path.read_text() for path in folder.glob("sql/*.sql"))

    roles = [ROLES[1]] if folder.parent.name == ROLES[0] else []
    assert list(migrations(folder)) == [SCHEMA, *([TRIGGERS] if has_triggers else []), *roles]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_no_migration_imports_code_of_the_project(folder: Path):
    assert {name: find_project_imports(tree) + find_code(tree) for name, tree in migrations(folder).items()} == {
        name: ["RunPython"] if (folder.parent.name, name) == ROLES else [] for name in migrations(folder)
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_file_of_sql_is_run_once_and_can_be_undone(folder: Path):
    run = [name for tree in migrations(folder).values() for name in loaded_files(tree)]

    files = sorted(path.name for path in folder.glob("sql/*"))

    assert files == sorted(f"{name}{end}" for name in run for end in (".sql", ".reverse.sql"))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import products.barcodes", ["products.barcodes"]),
        ("from products.services.reading import prepare", ["products.services.reading"]),
        ("def forward():\n    from pms_backend import settings", ["pms_backend"]),
        ("from ..models import Product", ["..models"]),
        (f"from {LOADER} import run_sql_file", []),
        ("from django.conf import settings", []),
    ],
)
def test_an_import_of_the_project_is_found(source: str, found: list[str]):
    assert find_project_imports(ast.parse(source)) == found


def test_python_in_a_migration_is_found():
    source = "operations = [migrations.RunPython(f), migrations.RunSQL('SELECT 1'), migrations.AddField()]"

    assert find_code(ast.parse(source)) == ["RunPython", "RunSQL"]
