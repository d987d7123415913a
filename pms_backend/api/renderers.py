"""JSON out, by orjson."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson
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
        """The bytes of `data`; none for an answer without a body."""
        return b"" if data is None else to_json(data)


def to_json(data: Any) -> bytes:
    """What an answer, an event or a socket's message looks like as bytes."""
    try:
        return orjson.dumps(data, default=_known, option=_OPTIONS)
    except orjson.JSONEncodeError:
        # PostgreSQL keeps 1e30 as the whole number that it is, and orjson writes none beyond 64 bits.
        return orjson.dumps(_with_long_numbers_written(data), default=_known, option=_OPTIONS)


def _with_long_numbers_written(value: Any) -> Any:
    if isinstance(value, int) and not MIN_INTEGER <= value <= MAX_INTEGER:
        return _written(value)
    if isinstance(value, Mapping):
        return {name: _with_long_numbers_written(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_long_numbers_written(inner) for inner in value]
    return value


def _written(number: int) -> float | orjson.Fragment:
    """As a float where that says the same in fewer digits."""
    try:
        nearest = float(number)
    except OverflowError:
        return orjson.Fragment(str(number))
    return nearest if Decimal(repr(nearest)) == number else orjson.Fragment(str(number))


def _known(value: Any) -> Any:
    if isinstance(value, Decimal | Promise):
        return str(value)
    if isinstance(value, ReturnDict | Mapping):
        return dict(value)
    if isinstance(value, ReturnList | set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
