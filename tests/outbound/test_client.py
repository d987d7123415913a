"""Calls of one server over connections that are kept alive: checked when opened, repeated only where it is safe."""

import gzip
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from pms_backend import outbound
from pms_backend.outbound.client import IDEMPOTENT_METHODS, MAX_TARGET_BYTES
from tests.machine import is_within
from tests.outbound.servers import LocalServer, Names, dripping, dripping_head, hanging_up, saying, send, serving

BOUNDS = outbound.ClientBounds(max_request_bytes=1_000, max_response_bytes=10_000)


@pytest.fixture(autouse=True)
def _pms(names: Names, settings) -> None:
    """A name that is allowed to lead to this machine."""
    names.set("pms.example", ["127.0.0.1"])
    settings.OUTBOUND_ALLOW = ["pms.example"]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serving(saying(b"{}"), keep_alive=True) as running:
        yield running


@pytest.fixture
def client(server: LocalServer) -> Iterator[outbound.Client]:
    made = client_of(server)
    yield made
    made.close()


def client_of(server: LocalServer, path: str = "/api", **bounds: Any) -> outbound.Client:
    rate = outbound.TokenBucket(per_second=1_000, burst=1_000)
    limits = {"max_request_bytes": 1_000, "max_response_bytes": 10_000, **bounds}
    return outbound.Client(f"http://pms.example:{server.port}{path}", bounds=outbound.ClientBounds(**limits), rate=rate)


def test_a_call_has_its_method_path_query_headers_and_body(server: LocalServer, client: outbound.Client):
    server.respond = saying(b"made", 201, X_Answer="yes")

    response = client.call(
        "PATCH", "/a%2Fb", query=[("sku", "A 1"), ("sku", "Ä&1")], body=b'{"a": 1}', headers={"X-Token": "t"}
    )

    [received] = server.received
    assert (received.method, received.path) == ("PATCH", "/api/a%2Fb?sku=A%201&sku=%C3%84%261")
    assert received.body == b'{"a": 1}'
    assert received.headers["x-token"] == "t"
    assert received.headers["host"] == f"pms.example:{server.port}"
    assert (response.status, response.body, response.headers["x-answer"]) == (201, b"made", "yes")


def test_the_next_call_uses_the_same_connection(server: LocalServer, client: outbound.Client, names: Names):
    for method in ("GET", "POST", "PUT", "DELETE"):
        client.call(method, "/", body=b"{}" if method == "POST" else None)

    assert [request.connection for request in server.received] == [1, 1, 1, 1]
    assert names.asked == ["pms.example"]


def test_an_error_of_the_server_leaves_the_connection_open(server: LocalServer, client: outbound.Client):
    server.respond = saying(b"busy", 503)
    client.call("GET", "/")
    client.call("GET", "/")

    assert [request.connection for request in server.received] == [1, 1]


def test_threads_share_a_client(server: LocalServer, client: outbound.Client):
    both_wait = threading.Barrier(2, timeout=10)

    def respond(handler) -> None:
        both_wait.wait()
        send(handler, handler.path.encode())

    server.respond = respond
    answers: dict[str, bytes] = {}

    def call(path: str) -> None:
        answers[path] = client.call("GET", path).body

    threads = [threading.Thread(target=call, args=(path,)) for path in ("/1", "/2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert answers == {"/1": b"/api/1", "/2": b"/api/2"}
    assert server.connections == 2


def test_the_guard_checks_each_connection_when_it_is_opened(
    server: LocalServer, client: outbound.Client, names: Names, settings
):
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    names.set("pms.example", ["127.0.0.1"], ["10.0.0.1"])
    server.respond = saying(b"{}", Connection="close")
    client.call("GET", "/")

    with pytest.raises(outbound.Forbidden, match="not public"):
        client.call("GET", "/")

    assert len(server.received) == 1
    assert names.asked == ["pms.example"] * 2


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_connection_that_broke_while_idle_is_replaced_once(server: LocalServer, client: outbound.Client, method: str):
    client.call("GET", "/")

    def respond(handler) -> None:
        (hanging_up if handler.connection_number == 1 else saying(b"again"))(handler)

    server.respond = respond
    body = None if method == "GET" else b"{}"

    response = client.call(method, "/keyed", body=body, is_repeatable=method == "POST")

    assert response.body == b"again"
    assert [(request.path, request.connection) for request in server.received[1:]] == [
        ("/api/keyed", 1),
        ("/api/keyed", 2),
    ]


def test_a_call_without_a_key_is_not_repeated(server: LocalServer, client: outbound.Client):
    client.call("GET", "/")
    server.respond = hanging_up

    with pytest.raises(outbound.Unreachable):
        client.call("POST", "/", body=b"{}")

    assert len(server.received) == 2
    assert "POST" not in IDEMPOTENT_METHODS


def test_a_new_connection_that_breaks_is_not_tried_again(server: LocalServer, client: outbound.Client):
    server.respond = hanging_up

    with pytest.raises(outbound.Unreachable):
        client.call("GET", "/")

    assert len(server.received) == 1


def test_a_connection_that_the_server_closed_is_not_used_again(server: LocalServer, client: outbound.Client):
    def respond(handler) -> None:
        send(handler, b"{}")
        handler.close_connection = True

    server.respond = respond
    client.call("POST", "/", body=b"{}")
    wait_until_closed(client)
    client.call("POST", "/", body=b"{}")

    assert [request.connection for request in server.received] == [1, 2]


def wait_until_closed(client: outbound.Client) -> None:
    """Waits until the end of the connection has arrived."""
    ends_at = time.monotonic() + 10
    while not all(connection.has_expired() for connection in client._transport._pool.connections):
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def test_redirects_are_not_followed(server: LocalServer, client: outbound.Client):
    server.respond = saying(b"", 302, Location=f"http://pms.example:{server.port}/elsewhere")

    response = client.call("GET", "/", headers={"Authorization": "Bearer t"})

    assert (response.status, server.paths) == (302, ["/api/"])


@pytest.mark.parametrize(
    ("respond", "bounds"),
    [
        (lambda _: time.sleep(3), {"read_seconds": 0.2}),
        (dripping, {"total_seconds": 0.4}),
        (dripping_head, {"total_seconds": 0.4}),
    ],
    ids=["silent", "slow body", "slow head"],
)
def test_each_wait_ends(server: LocalServer, respond, bounds: dict[str, float]):
    server.respond = respond
    client = client_of(server, **bounds)
    began = time.monotonic()

    with pytest.raises(outbound.Unreachable):
        client.call("GET", "/")

    client.close()
    assert is_within(time.monotonic() - began, 2)


def test_each_call_has_the_whole_time(server: LocalServer):
    def respond(handler) -> None:
        time.sleep(0.3)
        send(handler, b"{}")

    server.respond = respond
    client = client_of(server, total_seconds=60)
    client._deadline._ends_at = 0.0  # as long after the last call

    assert [client.call("GET", "/").status for _ in range(2)] == [200, 200]
    assert {request.connection for request in server.received} == {1}
    client.close()


def test_a_call_has_fifteen_seconds():
    assert (BOUNDS.connect_seconds, BOUNDS.read_seconds, BOUNDS.total_seconds) == (5, 10, 15)


@pytest.mark.parametrize("size", [10_000, 10_001])
@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_response_is_read_up_to_its_limit(server: LocalServer, client: outbound.Client, size: int, encoding):
    body = b"x" * size
    server.respond = saying(gzip.compress(body), Content_Encoding="gzip") if encoding else saying(body)

    if size == 10_000:
        assert client.call("GET", "/").body == body
    else:
        with pytest.raises(outbound.ResponseTooLarge):
            client.call("GET", "/")


def test_after_a_response_that_was_too_large_calls_go_on(server: LocalServer, client: outbound.Client):
    server.respond = saying(b"x" * 1_000_000)
    with pytest.raises(outbound.ResponseTooLarge):
        client.call("GET", "/")
    server.respond = saying(b"{}")

    assert client.call("GET", "/").body == b"{}"


@pytest.mark.parametrize("size", [1_000, 1_001])
def test_a_request_is_sent_up_to_its_limit(server: LocalServer, client: outbound.Client, size: int):
    if size == 1_000:
        assert client.call("POST", "/", body=b"x" * size).status == 200
    else:
        with pytest.raises(outbound.RequestTooLarge):
            client.call("POST", "/", body=b"x" * size)
    assert len(server.received) == (size == 1_000)


def test_a_url_that_is_too_long_is_not_sent(server: LocalServer, client: outbound.Client):
    with pytest.raises(outbound.RequestTooLarge):
        client.call("GET", "/", query=[("sku", "x" * MAX_TARGET_BYTES)])

    assert server.received == []


def test_half_a_body_is_unreachable(server: LocalServer, client: outbound.Client):
    def respond(handler) -> None:
        send(handler, b'{"products": [', Content_Length="100")
        handler.close_connection = True

    server.respond = respond

    with pytest.raises(outbound.Unreachable):
        client.call("GET", "/")


def test_a_server_that_refuses_connections_is_unreachable(server: LocalServer):
    client = client_of(server)
    server.stop()

    with pytest.raises(outbound.Unreachable, match="refused"):
        client.call("GET", "/")
    client.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "use",
    [
        lambda client: client.call("GET", "/"),
        lambda client: outbound.fetch(client.base_url, bounds=outbound.Bounds(max_bytes=10)),
        lambda client: outbound.check_url(client.base_url),
    ],
    ids=["call", "fetch", "check"],
)
def test_nothing_is_called_in_a_transaction(server: LocalServer, client: outbound.Client, use):
    with transaction.atomic(), pytest.raises(transaction.TransactionManagementError):
        use(client)
    assert server.received == []

    use(client)


@pytest.mark.django_db
def test_a_savepoint_within_a_test_counts_as_a_transaction(client: outbound.Client):
    outbound.require_no_transaction()
    with transaction.atomic(), pytest.raises(transaction.TransactionManagementError):
        client.call("GET", "/")


def test_a_rate_that_is_used_up_is_not_called(server: LocalServer):
    bounds = outbound.ClientBounds(max_request_bytes=10, max_response_bytes=10, longest_wait_seconds=1)
    rate = outbound.TokenBucket(per_second=0.01, burst=1)
    client = outbound.Client(f"http://pms.example:{server.port}", bounds=bounds, rate=rate)
    client.call("GET", "/")

    with pytest.raises(outbound.RateExceeded) as caught:
        client.call("GET", "/")

    client.close()
    assert 90 < caught.value.seconds <= 100
    assert len(server.received) == 1


def test_what_is_sent_can_be_read(server: LocalServer, client: outbound.Client):
    client.call("POST", "/", body=json.dumps({"name": "Müller"}).encode())

    assert json.loads(server.received[0].body) == {"name": "Müller"}
