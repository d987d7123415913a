"""Log lines say in which request they were written, and each stays one line, whatever a caller put into it."""

import logging
import re
from typing import Any

from pms_backend.api import context

# Control characters (newlines and terminal escapes), what ends a line or turns its direction, and lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# Every further line of a traceback begins so: what an exception quotes cannot look like an entry of its own.
_CONTINUED = "    | "


class ContextFilter(logging.Filter):
    """Adds `request_id` and `actor` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass."""
        now = context.current()
        record.request_id = now.request_id or "-"
        record.actor = now.actor
        return True


class OneLineFormatter(logging.Formatter):
    """Escapes what would end a line, colour a terminal or hide a text; tracebacks keep their lines, indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """The entry's own line."""
        return escape(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's
        """The traceback, set apart."""
        return _set_apart(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's
        """The stack, set apart."""
        return _set_apart(super().formatStack(stack_info))


def escape(text: str) -> str:
    """The text on one line, its unsafe characters as `\\xNN` and `\\uNNNN`."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("ascii", "backslashreplace").decode() if ord(match[0]) > 0x7F else f"\\x{ord(match[0]):02x}"


def _set_apart(text: str) -> str:
    return "\n".join(_CONTINUED + escape(line) for line in text.split("\n"))
