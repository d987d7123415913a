"""A log line is one line, whatever a caller put into it."""

import io
import logging

import pytest
from django.conf import settings

from pms_backend.api import context
from pms_backend.api.logs import ContextFilter, OneLineFormatter
from products import services
from tests.conftest import JSONClient

FORGED = "2026-01-01 00:00:00,000 ERROR django [-] the database is gone"
FORMAT = settings.LOGGING["formatters"]["line"]


@pytest.fixture
def lines():
    """Writes a record as the console does; gives the lines."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLineFormatter(FORMAT["format"]))
    handler.addFilter(ContextFilter())
    logger = logging.getLogger("tests.lines")
    logger.addHandler(handler)
    logging.getLogger("pms_backend").addHandler(handler)
    yield lambda: stream.getvalue().splitlines()
    logger.removeHandler(handler)
    logging.getLogger("pms_backend").removeHandler(handler)


def test_the_console_uses_it():
    console = next(one for one in logging.getLogger().handlers if isinstance(one.formatter, OneLineFormatter))

    assert FORMAT["()"] == "pms_backend.api.logs.OneLineFormatter"
    assert any(isinstance(one, ContextFilter) for one in console.filters)


@pytest.mark.parametrize(
    ("text", "written"),
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
def test_characters_that_could_forge_a_line_are_escaped(lines, text: str, written: str):
    logging.getLogger("tests.lines").error("SKU %s", text)

    assert len(lines()) == 1
    assert lines()[0].endswith(f"ERROR tests.lines [-] SKU {written}")


def test_a_lone_surrogate_is_escaped():
    """By the formatter alone: what pytest captures has to be text."""
    record = logging.makeLogRecord({"msg": "SKU \ud800", "request_id": "-"})

    assert OneLineFormatter(FORMAT["format"]).format(record).endswith("[-] SKU \\ud800")


def test_a_newline_in_an_actor_or_a_path_is_escaped(lines):
    with context.bind(request_id="a\nb"):
        logging.getLogger("tests.lines").error("Not found: %s", "/a\n/b")

    assert len(lines()) == 1
    assert "[a\\x0ab] Not found: /a\\x0a/b" in lines()[0]


@pytest.mark.django_db
def test_a_traceback_keeps_its_lines_with_a_prefix(lines, api: JSONClient, monkeypatch):
    def fail(*, data: dict):
        raise RuntimeError(f"cannot make {data['name']}")

    monkeypatch.setattr(services, "create_product", fail)

    api.post("/api/v1/products/", {"name": f"x\n{FORGED}\x1b[0m", "variants": [{"sku": "A-1"}]})

    assert len(lines()) > 3
    assert [line for line in lines() if line.startswith("2026-01-01")] == []
    assert all(line.startswith("    | ") for line in lines()[1:])
    assert f"    | {FORGED}\\x1b[0m" in lines()
