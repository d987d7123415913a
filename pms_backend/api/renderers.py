"""Writes JSON by orjson."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson
from django.http import HttpResponse
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1
_OPTIONS: Final = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


class JSONRenderer(BaseRenderer):
    """`application/json`: times in RFC 3339, decimals as strings."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The bytes of `data`; empty for a response without a body."""
        return b"" if data is None else to_json(data)


def json_response(data: Any, status: int = 200) -> HttpResponse:
    """What DRF's `Response` becomes in the end, without its steps: for views whose answer is always JSON."""
    return HttpResponse(to_json(data), status=status, content_type=JSONRenderer.media_type)


def to_json(data: Any) -> bytes:
    """The JSON of a response, an event or a WebSocket message."""
    try:
        return orjson.dumps(data, default=_serializable, option=_OPTIONS)
    except orjson.JSONEncodeError:
        # PostgreSQL stores 1e30 as a whole number, and orjson writes none beyond 64 bits.
        return orjson.dumps(_with_long_numbers_encoded(data), default=_serializable, option=_OPTIONS)


def _with_long_numbers_encoded(value: Any) -> Any:
    if isinstance(value, int) and not MIN_INTEGER <= value <= MAX_INTEGER:
        return _encoded(value)
    if isinstance(value, Mapping):
        return {name: _with_long_numbers_encoded(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_long_numbers_encoded(inner) for inner in value]
    return value


def _encoded(number: int) -> float | orjson.Fragment:
    """A float where that is exact, else all digits."""
    try:
        nearest = float(number)
    except OverflowError:
        return orjson.Fragment(str(number))
    return nearest if Decimal(repr(nearest)) == number else orjson.Fragment(str(number))


def _serializable(value: Any) -> Any:
    if isinstance(value, Decimal | Promise):
        return str(value)
    if isinstance(value, ReturnDict | Mapping):
        return dict(value)
    if isinstance(value, ReturnList | set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
