"""Log lines name their request, and each stays one line, whatever input it repeats.

A repeated failure is logged once a second, so that it does not fill the disk.
"""

import copy
import logging
import re
import time
from pathlib import Path
from typing import Any, Final

from pms_backend.api import context
from pms_backend.api.log_repeats import Repeats

# Control characters (newlines and terminal escapes), line separators, bidirectional controls, and lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# The prefix of each line of a traceback, so that text quoted by an exception cannot look like a log entry.
_CONTINUED = "    | "


REPEAT_SECONDS: Final = 1.0
TRACEBACK_SECONDS: Final = 60.0


class ContextFilter(logging.Filter):
    """Adds `request_id` and `actor` to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record pass."""
        now = context.current()
        record.request_id = now.request_id or "-"
        record.actor = now.actor
        return True


class RepeatFilter(logging.Filter):
    """Passes one record a second of each kind of failure on this machine, with the number left out before it.

    Its traceback is written once a minute; otherwise the exception is part of the line. Records of the same logger,
    level, message (before its arguments are filled in), type of exception and `kind` (if given in `extra`) are of one
    kind. Levels below WARNING pass.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._repeats = Repeats(directory)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; sets its `is_brief` (without traceback) and `left_out`."""
        if record.levelno < logging.WARNING:
            return True
        now = time.monotonic()
        with self._repeats.of(_kind_of(record)) as repeat:
            # A time further ahead was written before the machine restarted.
            if now < repeat.quiet_until <= now + REPEAT_SECONDS:
                repeat.left_out += 1
                return False
            is_brief = now < repeat.brief_until <= now + TRACEBACK_SECONDS
            record.left_out, record.is_brief = repeat.left_out, is_brief
            if not is_brief:
                repeat.brief_until = now + TRACEBACK_SECONDS
            repeat.quiet_until, repeat.left_out = now + REPEAT_SECONDS, 0
        return True


class OneLineFormatter(logging.Formatter):
    """Escapes line ends, terminal escapes and bidirectional controls; indents the lines of tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        """The entry; on one line where `RepeatFilter` says so."""
        if getattr(record, "is_brief", False) and record.exc_info:
            message = f"{record.getMessage()}: {_summary(record.exc_info[1])}"
            # Other handlers get the same record.
            record = copy.copy(record)
            record.msg, record.args, record.exc_info, record.exc_text = message, (), None, None
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """The first line of the entry."""
        left_out = getattr(record, "left_out", 0)
        return escape(super().formatMessage(record)) + (f" ({left_out} more of the kind left out)" if left_out else "")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's
        """The traceback, indented."""
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's
        """The stack, indented."""
        return _indented(super().formatStack(stack_info))


def _kind_of(record: logging.LogRecord) -> str:
    error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
    return f"{record.name} {record.levelno} {error} {getattr(record, 'kind', '')} {record.msg}"


def _summary(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def escape(text: str) -> str:
    """The text on one line, its unsafe characters as `\\xNN` and `\\uNNNN`."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("ascii", "backslashreplace").decode() if ord(match[0]) > 0x7F else f"\\x{ord(match[0]):02x}"


def _indented(text: str) -> str:
    return "\n".join(_CONTINUED + escape(line) for line in text.split("\n"))
