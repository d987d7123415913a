"""The catalogue of events: every type that the apps record, and its documentation."""

import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import groupby
from typing import Any, Final

import orjson
from django.apps import apps

from pms_backend.events.domain_events import DomainEvent
from pms_backend.events.schemas import payload_schema

INTRODUCTION: Final = """# Events

What `GET /api/v1/events/` and the sockets deliver ([how to read the feed](api-guide.md#the-event-feed)). Each event is
`{"sequence", "id", "type", "occurred_at", "subject", "actor", "request_id", "data"}`; this is the `data` of each type,
as JSON Schema (2020-12). It is frozen when the event is recorded. Members may be added, so ignore those that you do not
know; none is removed or changes its meaning. Moments are RFC 3339 in UTC.

This page is written by `manage.py describe_events`, from the dataclasses in each app's `events.py`.
"""


def event_classes() -> list[type[DomainEvent]]:
    """Returns the classes of the events that the installed apps can record, sorted by type."""
    for config in apps.get_app_configs():
        if find_spec(f"{config.name}.events"):
            import_module(f"{config.name}.events")
    installed = {f"{config.name}.events" for config in apps.get_app_configs()}
    return sorted(
        (kind for kind in _subclasses(DomainEvent) if kind.__module__ in installed), key=lambda kind: kind.type
    )


def describe() -> str:
    """Returns the catalogue as Markdown."""
    sections = [_section(list(kinds)) for _, kinds in groupby(event_classes(), key=_shape)]
    return "\n".join([INTRODUCTION, *sections])


def _subclasses(kind: type[DomainEvent]) -> Iterator[type[DomainEvent]]:
    """Yields the subclasses with a type. `slots=True` replaces a class; the replaced one is left out."""
    for sub in kind.__subclasses__():
        if "type" in vars(sub) and getattr(sys.modules[sub.__module__], sub.__name__, None) is sub:
            yield sub
        yield from _subclasses(sub)


def _shape(kind: type[DomainEvent]) -> tuple[str, dict[str, Any]]:
    return kind.type.partition(".")[0], payload_schema(kind)


def _section(kinds: list[type[DomainEvent]]) -> str:
    """Returns the section of event classes with the same data and the same kind of subject."""
    title = ", ".join(f"`{kind.type}`" for kind in kinds)
    meanings = "\n".join(f"- `{kind.type}`: {_text(kind)}" for kind in kinds)
    schema = orjson.dumps(payload_schema(kinds[0]), option=orjson.OPT_INDENT_2).decode()
    subject = _text(kinds[0].subject).rstrip(".")
    return f"## {title}\n\n{meanings}\n\nSubject: {subject}\n\n```json\n{schema}\n```\n"


def _text(documented: Any) -> str:
    return " ".join((inspect.getdoc(documented) or "").split())
