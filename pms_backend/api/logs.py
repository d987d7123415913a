"""Log lines as structlog writes them: JSON for machines, text for a terminal, one line an entry, without secrets.

Everything logs through `logging`. A repeated failure is logged once a second, so that it does not fill the disk.
"""

import json
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

from pms_backend.api import context
from pms_backend.api.log_repeats import Repeats
from pms_backend.api.redaction import may_have_secrets, redact

# Control characters (newlines and terminal escapes), line separators, bidirectional controls, and lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# The prefix of each line of a traceback, so that text quoted by an exception cannot look like a log entry.
_CONTINUED = "    | "


REPEAT_SECONDS: Final = 1.0
TRACEBACK_SECONDS: Final = 60.0
COMMAND: Final = "command"
# The logger of the lines of requests.
REQUESTS: Final = "pms.requests"
# Members of a line that are numbers, or words of ours.
_KNOWN: Final = frozenset({"time", "level", "logger", "program", "door"})
_KNOWN_OF_REQUESTS: Final = _KNOWN | {"method", "route", "status", "ms", "bytes", "tier", "address"}
_PLAIN: Final = (str, int, float, bool)
# What stands elsewhere in a line of text, or not in it: the program, for one, is in front of it if there are several.
_NOT_MORE: Final = frozenset(
    {"time", "level", "logger", "request_id", "event", "program", "door", "exception", "stack"}
)
# What every record has; the rest is `extra`.
_OWN_OF_RECORDS: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "is_brief"}


# A record as `logging` makes it, which looks up the process, the thread and the place in the code. For the line of a
# request it is made once: these would take longer than the rest of the line, and are not in it.
_BLANK_RECORD: Final = logging.makeLogRecord({"name": REQUESTS}).__dict__


class RequestRecord(logging.LogRecord):
    """The record of a request. Its `members` are plain values, among them its `path`, and attributes too."""

    members: dict[str, Any]


def record_of_request(level: int, text: str, members: dict[str, Any]) -> RequestRecord:
    """Makes the record of a request."""
    record = RequestRecord.__new__(RequestRecord)
    record.__dict__.update(_BLANK_RECORD, **members)
    record.levelno, record.levelname = level, logging.getLevelName(level)
    record.msg, record.created, record.members = text, time.time(), members
    return record


class RepeatFilter(logging.Filter):
    """Passes one record a second of each kind of failure on this machine, with the number left out before it.

    Its traceback is written once a minute. Records of the same logger, level, message (before its arguments are filled
    in), type of exception and `kind` (if given in `extra`) are of one kind. Levels below WARNING pass.
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
            if repeat.left_out:
                record.left_out = repeat.left_out
            record.is_brief = is_brief
            if not is_brief:
                repeat.brief_until = now + TRACEBACK_SECONDS
            repeat.quiet_until, repeat.left_out = now + REPEAT_SECONDS, 0
        return True


def line_formatter(line_format: str, program: str) -> logging.Formatter:
    """Formats records as `json` or `text`, with the request and the actor of the context in which they are logged."""
    render = _as_text if line_format == "text" else _as_json
    return _LineFormatter(program or COMMAND, render)


class _LineFormatter(structlog.stdlib.ProcessorFormatter):
    """Runs the processors. structlog would copy the record before, which takes as many function calls as they do."""

    def __init__(self, program: str, render: Callable[[WrappedLogger, str, EventDict], str]) -> None:
        super().__init__(processors=[_Members(program), _with_exception, _redacted, render])
        self._program, self._render = program, render

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record, RequestRecord):
            return self._render(None, "", self._members_of_request(record))
        line: Any = {
            "_record": record,
            "event": record.getMessage(),
            "exc_info": record.exc_info,
            "stack_info": record.stack_info,
        }
        for processor in self.processors:
            line = processor(None, "", line)
        return str(line)

    def _members_of_request(self, record: RequestRecord) -> EventDict:
        """What the processors would make of it. It is most of all lines, and has neither an exception nor arguments."""
        now = context.current()
        made: EventDict = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.msg,
            "program": self._program,
            "request_id": now.request_id,
            "actor": now.actor,
            # A word: of a member of an enumeration, orjson would look it up, as its property `value` does.
            "door": now.door._value_,
            **record.members,
        }
        # The path is in the event too.
        if may_have_secrets(f"{made['path']}\n{now.actor}\n{now.request_id}"):
            redact(made, known=_KNOWN_OF_REQUESTS)  # type: ignore[arg-type]  # it is a dict
        return made


class _Members:
    """Puts the members of a line together; those of `extra` as far as they are plain values."""

    def __init__(self, program: str) -> None:
        self._program = program

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        record: logging.LogRecord = event["_record"]
        now = context.current()
        made: EventDict = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event["event"],
            "program": self._program,
            # That of a row, if a line is about another request than the present one.
            "request_id": getattr(record, "request_id", "") or now.request_id,
            "actor": now.actor,
            "door": now.door,
        }
        for name, value in record.__dict__.items():
            if name in _OWN_OF_RECORDS or name in made:
                continue
            # Nearly all are of these very classes, for which this calls no function.
            if value.__class__ in _PLAIN or isinstance(value, _PLAIN):
                made[name] = value
        if (error := event.get("exc_info")) and error[1] is not None:
            made["error"] = _summary(error[1])
            if not getattr(record, "is_brief", False):
                made["exc_info"] = error
        if event.get("stack_info"):
            made["stack"] = event["stack_info"]
        return made


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _with_exception(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    return structlog.processors.format_exc_info(logger, name, event) if "exc_info" in event else event


def _redacted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    redact(event, known=_KNOWN)  # type: ignore[arg-type]  # it is a dict
    return event


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        text = orjson.dumps(event).decode()
    except TypeError:
        # A lone surrogate, or a number of more than 64 bits.
        text = json.dumps(event)
    # Nearly every line is, which is found five times as fast as nothing to replace.
    if text.isascii() and text.isprintable():
        return text
    # Within a string, which is the only place for them, these are valid in JSON too.
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _as_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    more = [f"{name}={value}" for name, value in event.items() if name not in _NOT_MORE and value != ""]
    head = f"{event['time']} {event['level'].upper()} {event['logger']} [{event['request_id'] or '-'}] {event['event']}"
    line = escape(" ".join([head, *more]))
    return "\n".join([line, *(_indented(event[name]) for name in ("exception", "stack") if name in event)])


def _kind_of(record: logging.LogRecord) -> str:
    error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
    return f"{record.name} {record.levelno} {error} {getattr(record, 'kind', '')} {record.msg}"


def _summary(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def escape(text: str) -> str:
    """The text on one line, its unsafe characters as `\\xNN` and `\\uNNNN`."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("ascii", "backslashreplace").decode() if ord(match[0]) > 0x7F else f"\\x{ord(match[0]):02x}"


def _indented(text: str) -> str:
    return "\n".join(_CONTINUED + escape(line) for line in text.split("\n"))
