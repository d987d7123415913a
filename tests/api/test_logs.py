"""A log line is one line, in JSON or text, with its request and actor, whatever a caller put into it."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings
from structlog.stdlib import ProcessorFormatter

from pms_backend.api import context
from pms_backend.api.logs import line_formatter
from products import services
from tests.conftest import JSONClient

FORGED = "2026-01-01 00:00:00,000 ERROR django [-] the database is gone"
LOGGER = logging.getLogger("tests.lines")
Lines = Callable[[], list[str]]


@pytest.fixture
def written() -> Iterator[Callable[[str], Lines]]:
    """`written("json")`: writes records as the console does; gives the lines."""
    made: list[logging.Handler] = []

    def start(line_format: str) -> Lines:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(line_formatter(line_format, "web"))
        made.append(handler)
        for name in LOGGERS:
            logging.getLogger(name).addHandler(handler)
        return lambda: stream.getvalue().splitlines()

    yield start
    for handler in made:
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(handler)


LOGGERS = ("tests.lines", "pms_backend", "py.warnings")


@pytest.fixture
def lines(written: Callable[[str], Lines]) -> Lines:
    return written("text")


@pytest.fixture
def entries(written: Callable[[str], Lines]) -> Callable[[], list[dict[str, Any]]]:
    read = written("json")
    return lambda: [json.loads(line) for line in read()]


def test_the_console_uses_it() -> None:
    console = next(one for one in logging.getLogger().handlers if isinstance(one.formatter, ProcessorFormatter))

    assert settings.LOGGING["formatters"]["line"]["()"] == "pms_backend.api.logs.line_formatter"
    assert settings.LOGGING["formatters"]["line"]["line_format"] == "json"
    assert console.level == logging.INFO


def test_a_line_has_its_moment_its_origin_and_what_is_given_with_it(entries: Any) -> None:
    with context.bind(actor="client:shop", request_id="r-1", door=context.Door.API):
        LOGGER.warning("No room for %s", "A-1", extra={"sku": "A-1", "left": 3, "rows": [1], "response": object()})

    (entry,) = entries()
    assert datetime.fromisoformat(entry.pop("time")).tzinfo is not None
    assert entry == {
        "level": "warning",
        "logger": "tests.lines",
        "event": "No room for A-1",
        "program": "web",
        "request_id": "r-1",
        "actor": "client:shop",
        "door": "api",
        "sku": "A-1",
        "left": 3,
    }


def test_what_others_give_with_a_line_is_searched_for_secrets_whatever_its_name(entries: Any) -> None:
    LOGGER.error("x", extra={"route": "token=abc", "address": "https://key@example.com", "note": "token=abc"})

    (entry,) = entries()
    assert (entry["route"], entry["address"]) == ("token=[hidden]", "https://[hidden]@example.com")
    assert entry["note"] == "token=[hidden]"


def test_a_line_without_a_request_has_the_same_members(entries: Any) -> None:
    LOGGER.error("x")

    (entry,) = entries()
    assert set(entry) == {"time", "level", "logger", "event", "program", "request_id", "actor", "door"}
    assert (entry["request_id"], entry["actor"]) == ("", "system")


def test_a_traceback_is_a_member_of_its_line(entries: Any) -> None:
    LOGGER.error("It failed", exc_info=LookupError(f"no\n{FORGED}"))

    (entry,) = entries()
    assert entry["event"] == "It failed"
    assert entry["error"] == f"LookupError: no {FORGED}"
    assert entry["exception"] == f"LookupError: no\n{FORGED}"


def test_a_warning_of_python_is_a_line(entries: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # Again, as pytest has taken its place.
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("this is old", DeprecationWarning, stacklevel=1)

    assert [(one["logger"], one["level"]) for one in entries()] == [("py.warnings", "warning")]
    assert "this is old" in entries()[0]["event"]


@pytest.mark.parametrize(
    "text", ["A\n{}", "\x1b[2J\x1b[31mred", "\x85\x9b31m", "\u2028\u202egnp.exe", "東京 😀", "\ud800"]
)
def test_json_has_no_character_that_could_forge_a_line(text: str) -> None:
    """By the formatter alone: what pytest captures has to be text."""
    line = line_formatter("json", "web").format(logging.makeLogRecord({"msg": text, "levelname": "ERROR"}))

    assert json.loads(line)["event"] == text
    assert [one for one in line if not one.isprintable()] == []


def test_a_number_that_is_too_large_for_json_is_written_all_the_same(entries: Any) -> None:
    LOGGER.error("x", extra={"number": 10**30})

    assert entries()[0]["number"] == 10**30


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        (f"A\n{FORGED}", f"A\\x0a{FORGED}"),
        ("A\r\nB", "A\\x0d\\x0aB"),
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("\x00\x07\x08\x7f", "\\x00\\x07\\x08\\x7f"),
        ("\x85\x9b31m", "\\x85\\x9b31m"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("Straße 東京 😀", "Straße 東京 😀"),
    ],
)
def test_characters_that_could_forge_a_line_of_text_are_escaped(lines: Lines, text: str, escaped: str) -> None:
    logging.getLogger("tests.lines").error("SKU %s", text)

    assert len(lines()) == 1
    assert lines()[0].endswith(f"ERROR tests.lines [-] SKU {escaped} actor=system")


def test_a_lone_surrogate_is_escaped() -> None:
    """By the formatter alone: what pytest captures has to be text."""
    line = line_formatter("text", "web").format(logging.makeLogRecord({"msg": "SKU \ud800", "levelname": "ERROR"}))

    assert line.endswith("[-] SKU \\ud800 actor=system")


def test_a_newline_in_a_request_id_or_a_path_is_escaped(lines: Lines) -> None:
    with context.bind(request_id="a\nb"):
        logging.getLogger("tests.lines").error("Not found: %s", "/a\n/b")

    assert len(lines()) == 1
    assert "[a\\x0ab] Not found: /a\\x0a/b" in lines()[0]


@pytest.mark.django_db
def test_a_traceback_keeps_its_lines_with_a_prefix(
    lines: Lines, api: JSONClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*, data: dict[str, Any]) -> None:
        raise RuntimeError(f"cannot make {data['name']}")

    monkeypatch.setattr(services, "create_product", fail)

    api.post("/api/v1/products/", {"name": f"x\n{FORGED}\x1b[0m", "variants": [{"sku": "A-1"}]})

    assert len(lines()) > 3
    assert [line for line in lines() if line.startswith("2026-01-01")] == []
    assert all(line.startswith("    | ") for line in lines()[1:])
    assert f"    | {FORGED}\\x1b[0m" in lines()
