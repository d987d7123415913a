"""Text that PostgreSQL can store: JSON allows NUL and lone surrogates, PostgreSQL does not."""

import re
from typing import Any, Final

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with a visible replacement for each character that cannot be stored."""
    return _UNSTORABLE.sub(
        lambda found: "\N{SYMBOL FOR NULL}" if found[0] == "\0" else "\N{REPLACEMENT CHARACTER}", text
    )


def is_storable(value: Any) -> bool:
    """Whether all text in a JSON value of limited depth can be stored, names of members included."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, dict):
        return all(is_storable(name) and is_storable(inner) for name, inner in value.items())
    return all(map(is_storable, value)) if isinstance(value, list) else True
