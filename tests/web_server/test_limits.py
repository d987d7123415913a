"""Each limit of the server, made small and reached by a real client."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from pms_backend.web_server import request as requests
from tests.waiting import wait_until
from tests.web_server.running import web_server
from tests.web_server.test_requests import answer_of, ask, echo, head

SMALL = 0.3


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, float], None]:
    """Makes a limit small, by the names of the module that uses it and of the limit."""

    def make_small(name: str, value: float) -> None:
        monkeypatch.setattr(f"pms_backend.web_server.{name}", value)

    make_small("server.CHECK_SECONDS", SMALL)
    return make_small


@pytest.fixture
def clients() -> Iterator[Callable[[int], socket.socket]]:
    """Opens connections, which end with the test."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))


TIMEOUT_SECONDS = 20


def is_ended(client: socket.socket, seconds: float = TIMEOUT_SECONDS) -> bool:
    """Returns whether the server ends the connection without a response, in time."""
    client.settimeout(seconds)
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_body_that_stops_is_answered_408(limit, clients):
    limit("request.HEAD_SECONDS", 0)
    limit("request.BODY_SECONDS", SMALL)
    with web_server(echo) as port:
        client = clients(port)
        client.sendall(head("Content-Length: 10", method="POST") + b"half")

        status, headers, problem = answer_of(client)

    assert (status, headers["connection"], problem["code"]) == (408, "close", "request_timeout")


def test_a_body_that_arrives_steadily_has_more_time(limit, clients):
    limit("request.HEAD_SECONDS", 0)
    limit("request.BODY_SECONDS", SMALL)
    limit("request.MIN_BYTES_PER_SECOND", 2)
    with web_server(echo) as port:
        client = clients(port)
        client.sendall(head("Content-Length: 30", method="POST"))
        for _ in range(3):
            client.sendall(b"x" * 10)
            time.sleep(2 * SMALL)

        assert answer_of(client)[2]["body"] == 30


def test_even_a_body_that_arrives_steadily_has_a_deadline(limit):
    limit("request.LONGEST_BODY_SECONDS", 5)
    late = requests.BoundedRequest(None, spool=requests.Spool())
    late.headers_finished, late.body_bytes_received = True, 2**40

    assert late.deadline - late._began_at == requests.HEAD_SECONDS + requests.BODY_SECONDS + 5


def test_an_idle_connection_is_ended(limit, clients):
    limit("connection.HEAD_SECONDS", SMALL)
    limit("connection.KEEP_ALIVE_SECONDS", SMALL)
    with web_server(echo) as port:
        unused, used = clients(port), clients(port)
        used.sendall(head())
        answer_of(used)

        assert is_ended(unused)
        assert is_ended(used)


def large(_: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """More than sockets hold, in pieces."""
    start_response("200 OK", [])
    return (b"x" * 2**20 for _ in range(50))


def test_a_client_that_does_not_read_holds_no_thread_and_is_ended(limit, clients):
    limit("connection.SEND_SECONDS", 5 * SMALL)
    with web_server(large, threads=1) as port:
        slow_reader, other = clients(port), clients(port)
        slow_reader.sendall(head())
        time.sleep(2 * SMALL)

        other.sendall(head())
        received = 0
        while received < 50 * 2**20:
            received += len(other.recv(2**20))

        time.sleep(10 * SMALL)
        left = 0
        with suppress(ConnectionError):
            while more := len(slow_reader.recv(2**20)):
                left += more

    assert 0 < left < 50 * 2**20


def test_for_a_new_connection_the_longest_idle_one_is_closed(limit, clients):
    limit("server.MAX_CONNECTIONS", 3)
    with web_server(echo) as port:
        waiting = []
        for _ in range(3):
            waiting.append(clients(port))
            time.sleep(0.05)
        waiting[0].sendall(head())
        answer_of(waiting[0])

        newest = clients(port)
        newest.sendall(head())

        assert answer_of(newest)[0] == 200
        assert is_ended(waiting[1])
        assert [is_ended(client, SMALL) for client in (waiting[0], waiting[2])] == [False, False]


def test_a_connection_with_a_request_is_not_closed_for_a_new_one(limit, clients):
    limit("server.MAX_CONNECTIONS", 1)
    served, may_go_on = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/slow":
            served.set()
            may_go_on.wait(10)
        return echo(environ, start_response)

    with web_server(slow) as port:
        first = clients(port)
        first.sendall(head(path="/slow"))
        served.wait(10)
        second = clients(port)
        second.sendall(head())

        assert answer_of(second)[0] == 200
        may_go_on.set()
        assert answer_of(first)[0] == 200


def test_bodies_that_together_exceed_the_limit_are_refused_and_deleted(limit, clients, monkeypatch):
    limit("request.MAX_SPOOLED_BYTES", 1_000_000)
    spools: list[requests.Spool] = []
    grow = requests.Spool.grow
    monkeypatch.setattr(requests.Spool, "grow", lambda spool, size: (spools.append(spool), grow(spool, size))[1])
    with web_server(echo) as port:
        slow = clients(port)
        slow.sendall(head("Content-Length: 900000", method="POST") + b"x" * 800_000)
        wait_until(lambda: bool(spools) and spools[0].used_bytes >= 800_000)

        large = ask(port, head("Content-Length: 300000", method="POST"), b"x" * 300_000)
        small = ask(port, head("Content-Length: 3000", method="POST"), b"x" * 3_000)
        slow.close()
        wait_until(lambda: spools[0].used_bytes == 0)
        later = ask(port, head("Content-Length: 300000", method="POST"), b"x" * 300_000)

    assert (large[0], large[1]["retry-after"], large[2]["code"]) == (503, "5", "busy")
    assert (small[0], later[0]) == (200, 200)
