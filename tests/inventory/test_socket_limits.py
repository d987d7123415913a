"""Clients that ask too much, or do not listen."""

import socket as network
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.sync.client import connect

from inventory import services
from inventory.messages import BadMessage
from inventory.slow_clients import MessageBudget
from inventory.socket_limits import (
    BURST_MESSAGES,
    FLOOD_MESSAGES,
    MAX_MESSAGE_BYTES,
    MAX_UNREAD_CHANGES,
    SEND_SECONDS,
)
from inventory.subscribers import CLOSE_TOO_SLOW, Batch, Change, Subscriber
from pms_backend.access.caller import Caller
from pms_backend.access.services import create_api_client
from pms_backend.events.services import relay_pending
from pms_backend.standalone.programs import SOCKET_PROTOCOL
from tests.factories import make_location, make_product
from tests.sockets import SocketServer

BULKS = 4
BULK_ROWS = 10_000


def test_a_budget_refuses_what_is_too_much_and_fills_up_again(monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    budget = MessageBudget()

    for _ in range(BURST_MESSAGES):
        budget.spend()
    with pytest.raises(BadMessage) as refused:
        budget.spend()
    now[0] += 1
    budget.spend()

    assert refused.value.code == "rate_limited"
    assert not budget.is_flooded


def test_a_full_queue_ends_its_connection_and_is_emptied() -> None:
    subscriber = Subscriber(Caller("client:a", frozenset(), "default", "client:a"))
    subscriber.subscriptions.everything = True
    change = Batch.of([Change.of(1, "A-1", "main", b"{}")])

    for _ in range(MAX_UNREAD_CHANGES):
        subscriber.pass_on(change)
    assert (subscriber.close_code, len(subscriber.unread)) == (None, MAX_UNREAD_CHANGES)
    subscriber.pass_on(change)

    assert (subscriber.close_code, len(subscriber.unread)) == (CLOSE_TOO_SLOW, 0)


def test_the_server_is_started_with_our_limit() -> None:
    assert str(MAX_MESSAGE_BYTES) == SOCKET_PROTOCOL[SOCKET_PROTOCOL.index("--ws-max-size") + 1]


@pytest.mark.django_db(transaction=True)
def test_a_flood_is_answered_by_errors_and_then_closed(sockets: SocketServer) -> None:
    key = create_api_client(name="screen", scopes=["inventory:read"]).api_key
    with sockets.socket(key) as socket:
        for _ in range(BURST_MESSAGES + 20):
            socket.send(action="ping")
        answers = [socket.receive() for _ in range(BURST_MESSAGES + 20)]
        time.sleep(1)
        again = socket.ask(action="ping")
        for _ in range(3 * (BURST_MESSAGES + FLOOD_MESSAGES)):
            try:
                socket.send(action="ping")
            except Exception:
                break
        code = socket.closed()

    assert {answer.get("code", answer["type"]) for answer in answers} == {"pong", "rate_limited"}
    assert again == {"type": "pong"}
    assert code == 1008


@pytest.fixture
def server(bounds: tuple[str, ...], sockets: SocketServer) -> Iterator[SocketServer]:
    """A server of the test's own, as quick to give up as `bounds` say."""
    server = SocketServer(*bounds).start()
    yield server
    server.kill()


# The client hears that it is closed however late it is read here, on a machine that is busy.
LONG_CLOSE = "socket_connection.CLOSE_SECONDS = 300"


@pytest.mark.parametrize(
    ("bounds", "send_seconds"),
    [
        (("slow_clients.SEND_SECONDS = 2", LONG_CLOSE), 2.0),
        pytest.param((LONG_CLOSE,), SEND_SECONDS, marks=pytest.mark.slow),
    ],
    ids=["giving up soon", "giving up when it does"],
)
@pytest.mark.django_db(transaction=True)
def test_a_client_that_does_not_read_is_closed_and_delays_no_other(server: SocketServer, send_seconds: float) -> None:
    key = create_api_client(name="screen", scopes=["inventory:read"]).api_key
    make_location("main")
    for number in range(4):
        make_product(f"A-{number}")
    rows = [
        services.Adjustment(index=index, sku=f"A-{index % 4}", location="main", delta=1, reason="receipt")
        for index in range(BULK_ROWS)
    ]

    deaf = network.socket()
    deaf.setsockopt(network.SOL_SOCKET, network.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", server.port))
    headers = {"X-Api-Key": key}
    # Without pings of its own: it would not hear the answers, and give up before the server does.
    options = {"max_size": None, "max_queue": 1, "ping_interval": None}
    with connect(server.url, sock=deaf, additional_headers=headers, **options) as slow:
        slow.send('{"action": "subscribe", "all": true}')
        with server.socket(key) as reader, ThreadPoolExecutor(1) as pool:
            reader.subscribe(all=True)
            reading = pool.submit(reader.receive_until, lambda: len(reader.sequences) == BULKS * BULK_ROWS)
            for _ in range(BULKS):
                services.adjust_stock_in_bulk(rows=rows)
                relay_pending()
            reading.result()
            time.sleep(send_seconds + 1)
            alive = reader.ask(action="ping")
        code = closing_code(slow)

    assert alive == {"type": "pong"}
    assert code == CLOSE_TOO_SLOW


def closing_code(connection) -> int | None:
    """Reads all that is left."""
    try:
        while True:
            connection.recv(timeout=30)
    except Exception:
        return connection.protocol.close_code
