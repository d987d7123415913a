"""The JSON Schema of an event's payload, derived from the types of its dataclass."""

from dataclasses import fields
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from pms_backend.events.domain_events import DomainEvent

_SCALARS: Final[dict[Any, dict[str, Any]]] = {
    Any: {},
    NoneType: {"type": "null"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    int: {"type": "integer"},
    str: {"type": "string"},
}


def payload_schema(kind: type[DomainEvent]) -> dict[str, Any]:
    """The schema of an event's `data`: a member for each field of the dataclass.

    A field that holds a representation names its shape: `Annotated[dict[str, Any], Shape]` with a `TypedDict`.
    Raises `TypeError` for a type that JSON does not have.
    """
    hints = get_type_hints(kind, include_extras=True)
    return _object({field.name: hints[field.name] for field in fields(kind)})


def _object(members: dict[str, Any]) -> dict[str, Any]:
    properties = {name: _schema(hint) for name, hint in members.items()}
    return {"type": "object", "properties": properties, "required": list(members)}


def _schema(hint: Any) -> dict[str, Any]:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if is_typeddict(hint):
        return _object(get_type_hints(hint, include_extras=True))
    if shape := next(iter(getattr(hint, "__metadata__", ())), None):
        return _schema(shape)
    return _generic(get_origin(hint), get_args(hint))


def _generic(origin: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
    if origin in (Union, UnionType):
        return _union([_schema(one) for one in arguments])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    raise TypeError(f"JSON has no {origin}[{arguments}].")


def _union(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    """Merges plain types into one: `{"type": ["integer", "null"]}`."""
    types = [schema["type"] for schema in schemas if list(schema) == ["type"]]
    if len(types) == len(schemas):
        return {"type": types}
    formatted = [schema for schema in schemas if list(schema) == ["type", "format"]]
    if len(formatted) + len(types) == len(schemas) and len(formatted) == 1:
        return {"type": [formatted[0]["type"], *types], "format": formatted[0]["format"]}
    return {"anyOf": schemas}
