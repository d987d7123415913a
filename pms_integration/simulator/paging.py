"""Pages by keyset: a cursor names the last row that was shown, so that changes meanwhile move nothing."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

from pms_integration.simulator.clock import parse_moment
from pms_integration.simulator.exchange import Refusal, Request

PAGE_PARAMETERS: Final = ("updated_since", "cursor", "limit")
MAX_LIMIT: Final = 200
DEFAULT_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for: what follows `after`, of what has changed at or after `since`."""

    since: str
    after: tuple[str, ...] | None
    limit: int


def parse_page(request: Request, key_length: int) -> Page:
    """The page of a request for a list that is ordered by so many columns. Raises `Refusal`."""
    return Page(
        since=_since(request.parameter("updated_since")),
        after=_cursor(request.parameter("cursor"), key_length),
        limit=_limit(request.parameter("limit")),
    )


def make_cursor(*key: str) -> str:
    """The cursor of the page after the row with this key."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _since(text: str | None) -> str:
    if text is None:
        return ""
    try:
        return parse_moment(text)
    except ValueError as error:
        raise Refusal(400, "invalid_query", f"updated_since: {error}") from None


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= MAX_LIMIT):
        raise Refusal(400, "invalid_query", f"limit must be a whole number between 1 and {MAX_LIMIT}.")
    return int(text)


def _cursor(text: str | None, key_length: int) -> tuple[str, ...] | None:
    if text is None:
        return None
    try:
        key = json.loads(base64.b64decode(text.encode() + b"==", altchars=b"-_", validate=True))
        "".join(key).encode()
    except (binascii.Error, TypeError, ValueError, RecursionError):
        key = []
    if not isinstance(key, list) or len(key) != key_length:
        raise Refusal(400, "invalid_query", "cursor must be one that a list has answered.")
    return tuple(key)
