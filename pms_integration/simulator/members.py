"""Members of a JSON object, checked."""

import re
from collections.abc import Mapping
from typing import Any, Final

from pms_integration.simulator.clock import parse_moment
from pms_integration.simulator.exchange import Refusal

MAX_TEXT_LENGTH: Final = 255
MAX_QUANTITY: Final = 1_000_000_000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def is_code(value: Any) -> bool:
    """Whether it can be a SKU, an id or a key: a text of 1 to 255 characters without control characters."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_TEXT_LENGTH and not _CONTROL.search(value)


def code(values: Mapping[str, Any], name: str) -> str:
    """A required SKU, id or key. Raises `Refusal`."""
    value = values.get(name)
    if not is_code(value):
        raise _invalid(name, f"a text of 1 to {MAX_TEXT_LENGTH} characters without control characters")
    return str(value)


def text(values: Mapping[str, Any], name: str) -> str:
    """An optional text; empty where it is absent. Raises `Refusal`."""
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        raise _invalid(name, f"a text of at most {MAX_TEXT_LENGTH} characters")
    return value


def quantity(values: Mapping[str, Any], name: str, *, low: int = -MAX_QUANTITY) -> int:
    """A required whole number. Raises `Refusal`."""
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= MAX_QUANTITY:
        raise _invalid(name, f"a whole number between {low} and {MAX_QUANTITY}")
    return value


def moment(values: Mapping[str, Any], name: str) -> str | None:
    """An optional moment, in our form. Raises `Refusal`."""
    value = values.get(name)
    if value is None:
        return None
    try:
        return parse_moment(value if isinstance(value, str) else "")
    except ValueError as error:
        raise Refusal(422, "invalid", f"{name}: {error}") from None


def number(values: Mapping[str, Any], name: str, *, low: float) -> float:
    """A required number. Raises `Refusal`."""
    value = values.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= MAX_QUANTITY:
        raise _invalid(name, f"a number between {low} and {MAX_QUANTITY}")
    return float(value)


def _invalid(name: str, wanted: str) -> Refusal:
    return Refusal(422, "invalid", f"{name} must be {wanted}.")
