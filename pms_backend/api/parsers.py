"""JSON in: strict and bounded."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from pms_backend.api.exact_json import exact_json, standard_json
from pms_backend.api.limits import MAX_JSON_DEPTH

# orjson refuses what is deeper than it reads; it is the same refusal as ours.
_THEIR_WORDS_FOR_DEPTH = "depth limit"
_ESCAPED_SURROGATE = b"\\ud"


class NotJSON(ValueError):
    """Bytes that are no JSON, or nested too deeply; its text goes on after "The body"."""


def load_json(raw: str | bytes) -> Any:
    """The value that a body or a message from outside holds: RFC 8259, no NaN, no lone surrogates, bounded depth.

    Raises `NotJSON`.
    """
    try:
        value = exact_json(raw)
    except (ValueError, RecursionError) as error:
        if isinstance(error, RecursionError) or _THEIR_WORDS_FOR_DEPTH in str(error):
            raise NotJSON(f"is nested deeper than {MAX_JSON_DEPTH} levels") from None
        raise NotJSON(f"is not JSON: {error}") from None
    return _checked(value, raw)


def load_signed_json(raw: bytes) -> Any:
    """As `load_json`, but accepts lone surrogates, which RFC 8259 allows: a signed webhook is not refused for them.

    Raises `NotJSON`.
    """
    try:
        return load_json(raw)
    except NotJSON:
        if _ESCAPED_SURROGATE not in raw.lower():
            raise
    try:
        value = standard_json(raw)
    except (ValueError, RecursionError) as error:
        raise NotJSON(f"is not JSON: {error}") from None
    return _checked(value, raw)


def _checked(value: Any, raw: str | bytes) -> Any:
    if _may_be_too_deep(raw) and _is_too_deep(value):
        raise NotJSON(f"is nested deeper than {MAX_JSON_DEPTH} levels")
    return value


def _may_be_too_deep(raw: str | bytes) -> bool:
    """What has no more opening brackets than levels are allowed needs no second look: nearly every body."""
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
    """`application/json` as RFC 8259 has it: UTF-8, no NaN, no lone surrogates, at most `MAX_JSON_DEPTH` levels."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The value that the body holds; `ParseError` (400) where it is no JSON, 413 where it is too long."""
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            return load_json(body)
        except NotJSON as error:
            raise ParseError(f"The body {error}.") from None


class MergePatchParser(JSONParser):
    """`application/merge-patch+json` (RFC 7396), for PATCH."""

    media_type = "application/merge-patch+json"


class RawParser(BaseParser):
    """Any type: for a view that reads the bytes itself, because a signature is over them."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Nothing: the view has read them."""
        return None
