"""The events are those that the API documents, and each has a docstring."""

import importlib
import inspect
import re
import sys

import pytest
from django.apps import apps

from inventory.events import STOCK_CHANGED, STOCK_OVERSOLD
from pms_backend.events.domain_events import DomainEvent
from tests.architecture.sources import modules, texts

PROMISED = frozenset(
    f"{subject}.{what}"
    for subject, whats in {
        "product": ("created", "updated", "published", "unpublished", "archived", "restored"),
        "category": ("changed",),
        "location": ("changed",),
        "stock": ("changed", "low", "replenished", "oversold"),
        "reservation": ("created", "committed", "released", "expired"),
        "transfer": ("shipped", "received", "cancelled"),
        "stocktake": ("posted",),
        "import": ("finished",),
        "sync": ("started", "progressed", "held", "finished", "failed"),
        "pms": ("conflict", "unreachable"),
        "endpoint": ("failing", "disabled"),
        "webhook": ("test",),
    }.items()
    for what in whats
)


def kinds_of(root: type[DomainEvent]) -> list[type[DomainEvent]]:
    """The classes of recorded events: those without subclasses."""
    below = root.__subclasses__()
    return [kind for sub in below for kind in kinds_of(sub)] if below else [root]


@pytest.fixture(scope="module")
def facts() -> list[type[DomainEvent]]:
    for path in modules():
        if path.endswith("/events.py"):
            importlib.import_module(path.removesuffix(".py").replace("/", "."))
    # Slots make a dataclass anew; the class that it was made of may still be about.
    kinds = [
        kind for kind in kinds_of(DomainEvent) if getattr(sys.modules[kind.__module__], kind.__name__, None) is kind
    ]
    return [kind for kind in kinds if not kind.__module__.startswith("tests")]


def test_every_event_type_is_documented(facts):
    assert {kind.type for kind in facts} - PROMISED == set()
    assert {STOCK_CHANGED, STOCK_OVERSOLD} <= PROMISED


def test_no_two_events_have_the_same_type(facts):
    types = [kind.type for kind in facts]

    assert len(types) > 8
    assert sorted(types) == sorted(set(types))


def test_every_event_names_its_subject(facts):
    for kind in facts:
        assert kind.subject is not DomainEvent.subject, kind
        assert kind.__dataclass_params__.frozen, kind


def test_every_event_has_a_docstring(facts):
    # A dataclass without a docstring gets one that repeats its signature.
    silent = [kind for kind in facts if inspect.getdoc(kind) is None or f"{kind.__name__}(" in inspect.getdoc(kind)]

    assert silent == []


def test_events_are_defined_in_their_apps_events_module(facts):
    homes = {f"{config.name}.events" for config in apps.get_app_configs()}

    assert {kind.__module__ for kind in facts} <= homes


def test_sql_records_only_documented_events():
    kinds = "|".join({kind.split(".")[0] for kind in PROMISED})
    announced = {
        word
        for path, tree in modules().items()
        if path.startswith("inventory/services/")
        for _, text in texts(tree)
        for word in re.findall(rf"'((?:{kinds})\.[a-z]+)'", text)
    }

    assert announced - PROMISED == set()
    assert {STOCK_CHANGED, STOCK_OVERSOLD} <= announced
