"""Strict JSON parsers with limits."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from pms_backend.api.exact_json import exact_json, standard_json
from pms_backend.api.limits import MAX_JSON_DEPTH

# Part of orjson's message for a text that exceeds its own depth limit, which is above ours.
_ORJSON_DEPTH_MESSAGE = "depth limit"
_ESCAPED_SURROGATE = b"\\ud"


class InvalidJSON(ValueError):
    """The text is not JSON, or nested too deeply. The message continues a sentence such as "The body ..."."""


def load_json(raw: str | bytes) -> Any:
    """The value of a body or a message: RFC 8259 without NaN, lone surrogates and more than `MAX_JSON_DEPTH` levels.

    Raises `InvalidJSON`.
    """
    try:
        value = exact_json(raw)
    except (ValueError, RecursionError) as error:
        if isinstance(error, RecursionError) or _ORJSON_DEPTH_MESSAGE in str(error):
            raise InvalidJSON(f"is nested deeper than {MAX_JSON_DEPTH} levels") from None
        raise InvalidJSON(f"is not JSON: {error}") from None
    return _checked(value, raw)


def load_signed_json(raw: bytes) -> Any:
    """As `load_json`, but accepts lone surrogates, which RFC 8259 allows: a signed webhook is not refused for them.

    Raises `InvalidJSON`.
    """
    try:
        return load_json(raw)
    except InvalidJSON:
        if _ESCAPED_SURROGATE not in raw.lower():
            raise
    try:
        value = standard_json(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidJSON(f"is not JSON: {error}") from None
    return _checked(value, raw)


def _checked(value: Any, raw: str | bytes) -> Any:
    if _may_be_too_deep(raw) and _is_too_deep(value):
        raise InvalidJSON(f"is nested deeper than {MAX_JSON_DEPTH} levels")
    return value


def _may_be_too_deep(raw: str | bytes) -> bool:
    """Whether there are more opening brackets than allowed levels: a cheap check that nearly every body passes."""
    if isinstance(raw, str):
        return raw.count("[") + raw.count("{") > MAX_JSON_DEPTH
    return raw.count(b"[") + raw.count(b"{") > MAX_JSON_DEPTH


def _is_too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_JSON_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


class JSONParser(BaseParser):
    """`application/json`, read by `load_json`."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value of the body. Raises `ParseError` (400) if it is not JSON, `RequestDataTooBig` (413) if too long."""
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            return load_json(body)
        except InvalidJSON as error:
            raise ParseError(f"The body {error}.") from None


class MergePatchParser(JSONParser):
    """`application/merge-patch+json` (RFC 7396), for PATCH."""

    media_type = "application/merge-patch+json"


class RawParser(BaseParser):
    """Accepts any media type, for a view that reads the raw bytes itself to verify a signature."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Parses nothing: the view has read the body."""
        return None
