"""Each request is one line: what was asked and answered, by whom, and neither its query nor its body."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from pms_backend.api.logs import line_formatter
from tests.conftest import JSONClient

pytestmark = pytest.mark.django_db


class Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def requests() -> Iterator[list[Any]]:
    """The records of requests."""
    handler, logger = Records(), logging.getLogger("pms.requests")
    logger.addHandler(handler)
    yield handler.records
    logger.removeHandler(handler)


def members(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in ("method", "route", "path", "status", "bytes", "tier", "address")}


def test_a_request_is_one_line(requests: list[Any], api: JSONClient) -> None:
    response = api.get("/api/v1/products/?search=secret")

    (record,) = requests
    assert (record.levelname, record.getMessage()) == ("INFO", "GET /api/v1/products/ 200")
    assert members(record) == {
        "method": "GET",
        "route": "/api/v1/products/",
        "path": "/api/v1/products/",
        "status": 200,
        "bytes": len(response.content),
        "tier": "internal",
        "address": "127.0.0.1",
    }
    assert record.ms >= 0


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/api/v1/products/", "/api/v1/products/", 401),
        ("/api/v1/nothing/", "unmatched", 404),
        ("/admin/", "/admin/", 302),
    ],
)
def test_a_refused_request_is_one_line_too(
    requests: list[Any], client: Client, path: str, route: str, status: int
) -> None:
    client.get(path, REMOTE_ADDR="192.0.2.7")

    (record,) = requests
    assert (record.route, record.status, record.tier, record.address) == (route, status, "anonymous", "192.0.2.7")


def test_of_a_long_path_the_beginning_is_logged(requests: list[Any], client: Client) -> None:
    path = "/" + "token" * 2_000

    client.get(path)

    (record,) = requests
    assert (record.path, record.getMessage()) == (path[:500], f"GET {path[:500]} 414")


def test_of_a_long_method_the_beginning_is_logged(requests: list[Any], client: Client) -> None:
    client.generic("M" * 1_000, "/api/v1/products/")

    (record,) = requests
    assert (record.method, record.getMessage()) == ("M" * 20, f"{'M' * 20} /api/v1/products/ {record.status}")


def test_a_secret_in_a_path_is_hidden(requests: list[Any], client: Client) -> None:
    client.get("/reset/token=abc")

    line = json.loads(line_formatter("json", "web").format(requests[0]))
    assert (line["event"], line["path"]) == ("GET /reset/token=[hidden] 404", "/reset/token=[hidden]")


@pytest.mark.parametrize("path", ["/health/live", "/metrics"])
def test_monitoring_is_logged_at_debug(
    requests: list[Any], client: Client, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    client.get(path)
    assert requests == []

    with caplog.at_level("DEBUG", logger="pms"):
        client.get(path)
    assert [record.levelname for record in requests] == ["DEBUG"]
