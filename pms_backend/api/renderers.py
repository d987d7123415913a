"""JSON out, by orjson."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList


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
    return orjson.dumps(data, default=_known, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def _known(value: Any) -> Any:
    if isinstance(value, Decimal | Promise):
        return str(value)
    if isinstance(value, ReturnDict | Mapping):
        return dict(value)
    if isinstance(value, ReturnList | set | frozenset | tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
