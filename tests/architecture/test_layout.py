"""Imports, signals, receivers, names of modules, and which app uses tables of another."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.architecture.sources import inside_functions, modules, texts

EMPTY_NAMES = frozenset({"utils", "helpers", "common", "base", "misc", "signals", "constants"})
HTTP_CLIENTS = frozenset({"httpx", "httpcore", "requests", "urllib3", "aiohttp", "http.client", "urllib.request"})
# It stands beside the stack, and its demo is a client of ours.
# Modules whose fields take whatever Python can read for a number or a truth, and the modules of ours in their place.
LENIENT = {
    "rest_framework.serializers": "pms_backend/api/serializers.py",
    "rest_framework.fields": "pms_backend/api/serializers.py",
    "django.forms.IntegerField": "pms_backend/api/forms.py",
    "django.forms.DecimalField": "pms_backend/api/forms.py",
    "django.forms.FloatField": "pms_backend/api/forms.py",
    "django_filters.BooleanFilter": "pms_backend/api/filters.py",
    "django_filters.NumberFilter": "pms_backend/api/filters.py",
}
CALLERS = ("pms_backend/outbound/", "pms_backend/standalone/", "pms_integration/simulator/")
MODEL_SIGNALS = re.compile(r"^(pre|post)_(init|save|delete|migrate)$|^m2m_changed$|^class_prepared$")


def find_inner_imports(tree: ast.Module, path: str = "") -> list[int]:
    """Imports in functions; an AppConfig's `ready` may, since the models are not there before."""
    return [
        node.lineno
        for node, function in inside_functions(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        and not (path.endswith("apps.py") and getattr(function, "name", "") == "ready")
    ]


def find_model_signals(tree: ast.Module, path: str = "") -> list[int]:
    """Every mention of a signal of Django's models, but for the end of `migrate`, which hides new tables."""
    return [
        node.lineno
        for node in ast.walk(tree)
        for name in _names(node)
        if MODEL_SIGNALS.match(name) and (path, name) != ("pms_backend/operations/apps.py", "post_migrate")
    ]


def find_new_signals(tree: ast.Module) -> list[int]:
    """Signals that the module defines."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "Signal"]


def find_connections(tree: ast.Module, path: str = "") -> list[int]:
    """Receivers connected elsewhere than in `receivers.connect`, or calls of that elsewhere than in `ready`."""
    allowed = {"receive_published": ("receivers.py", "connect"), "receivers.connect": ("apps.py", "ready")}
    inside = {id(node): getattr(function, "name", "") for node, function in inside_functions(tree)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        for name, (file, function) in allowed.items():
            in_place = PurePosixPath(path).name == file and inside.get(id(node)) == function
            if called.split(".")[-1] == name.split(".")[-1] and called.endswith(name) and not in_place:
                found.append(node.lineno)
        if called.endswith("events_published.connect") and path != "pms_backend/events/services/receiving.py":
            found.append(node.lineno)
    return found


def speaks_of_inventory(tree: ast.Module) -> bool:
    """Whether a module imports inventory or names its tables."""
    imported = [name for node in ast.walk(tree) for name in _imported(node)]
    return any(name.split(".")[0] == "inventory" for name in imported) or any(
        "inventory_" in text for _, text in texts(tree)
    )


def find_http_clients(tree: ast.Module) -> list[int]:
    """Imports of HTTP clients, which bypass the guard."""
    return [
        node.lineno
        for node in ast.walk(tree)
        for name in _imported(node)
        if any(name == client or name.startswith(f"{client}.") for client in HTTP_CLIENTS)
    ]


def find_lenient_fields(tree: ast.Module, path: str = "") -> list[int]:
    """Uses of DRF's lenient fields."""
    found = []
    for node in ast.walk(tree):
        named = _imported(node)
        if isinstance(node, ast.Attribute):
            named = [ast.unparse(node).replace("forms.", "django.forms.", 1)]
        if any(LENIENT.get(name, path) != path for name in named):
            found.append(node.lineno)
    return found


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
            yield name


def _called(node: ast.Call) -> str:
    return ast.unparse(node.func).split(".")[-1]


def _imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names):
            return [module, *(f"{module}.{alias.name}" for alias in names)]
    return []


def everywhere(find) -> set[str]:
    return {f"{path}:{line}" for path, tree in modules().items() for line in find(tree, path)}


def test_nothing_is_imported_inside_a_function():
    assert everywhere(find_inner_imports) == set()


def test_model_signals_are_not_used():
    assert everywhere(find_model_signals) == set()


def test_one_signal_exists():
    made = {path for path, tree in modules().items() for _ in find_new_signals(tree)}

    assert made == {"pms_backend/events/services/receiving.py"}


def test_receivers_are_connected_when_the_apps_are_ready_and_nowhere_else():
    assert everywhere(find_connections) == set()


def test_every_receivers_module_is_connected_by_its_app():
    with_receivers = {path for path in modules() if PurePosixPath(path).name == "receivers.py"}
    connected = {
        str(PurePosixPath(path).with_name("receivers.py"))
        for path, tree in modules().items()
        if PurePosixPath(path).name == "apps.py" and "receivers.connect()" in ast.unparse(tree)
    }

    assert with_receivers == connected != set()


def test_no_module_has_a_name_that_says_nothing():
    names = {path for path in modules() if EMPTY_NAMES & set(PurePosixPath(path).with_suffix("").parts)}

    assert names == set()


def test_outgoing_calls_use_the_outbound_package():
    calling = {path for path, tree in modules().items() if find_http_clients(tree) and not path.startswith(CALLERS)}

    assert calling == set()


def test_serializers_use_strict_fields():
    assert everywhere(find_lenient_fields) == set()


def test_products_uses_inventory_in_one_module():
    speaking = {path for path, tree in modules().items() if path.startswith("products/") and speaks_of_inventory(tree)}

    assert speaking == {"products/queries.py"}


@pytest.mark.parametrize(
    ("find", "source"),
    [
        (find_inner_imports, "def f():\n    import os"),
        (find_inner_imports, "class A:\n    def ready(self):\n        from a import b"),
        (find_inner_imports, "async def f():\n    if 1:\n        from a import b"),
        (find_model_signals, "from django.db.models.signals import post_save"),
        (find_model_signals, "@receiver(signals.pre_delete)\ndef f(): ..."),
        (find_new_signals, "changed = Signal()"),
        (find_new_signals, "changed = dispatch.Signal()"),
        (find_connections, "outbox.receive_published('a', f)"),
        (find_connections, "def ready():\n    receivers.connect()"),
        (find_connections, "outbox.events_published.connect(f)"),
        (find_http_clients, "import httpx"),
        (find_http_clients, "from urllib.request import urlopen"),
        (find_http_clients, "from urllib import request"),
        (find_http_clients, "from http import client"),
        (find_lenient_fields, "from rest_framework import serializers"),
        (find_lenient_fields, "from rest_framework.fields import CharField"),
        (find_lenient_fields, "units = forms.IntegerField()"),
        (find_lenient_fields, "from django.forms import DecimalField"),
        (find_lenient_fields, "product = django_filters.NumberFilter()"),
    ],
)
def test_a_violation_is_found(find, source):
    assert find(ast.parse(source)) != []


def test_allowed_code_is_not_reported():
    in_ready = "class A:\n    def ready(self):\n        from a import receivers\n        receivers.connect()"
    in_connect = "def connect():\n    outbox.receive_published('a', f)"

    assert find_inner_imports(ast.parse(in_ready), "a/apps.py") == []
    assert find_connections(ast.parse(in_ready), "a/apps.py") == []
    assert find_connections(ast.parse(in_connect), "a/receivers.py") == []


@pytest.mark.parametrize(
    "source", ["from inventory.models import StockLevel", "import inventory", "SQL = 'SELECT 1 FROM inventory_level'"]
)
def test_a_use_of_inventory_is_found(source):
    assert speaks_of_inventory(ast.parse(source))
