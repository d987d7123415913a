"""The main job, end to end: a webhook changes stock; the ledger, the socket, the feed and the API show it."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.flows.stack import Stack

pytestmark = pytest.mark.stack


@contextlib.contextmanager
def subscribed(stack: Stack, **wanted: Any) -> Iterator[tuple[ClientConnection, dict[str, Any]]]:
    """A connection and its first snapshot."""
    headers = {"Authorization": f"Api-Key {stack.quickstart['api_key']}"}
    with connect(stack.quickstart["ws_url"], additional_headers=headers, max_size=None) as socket:
        yield socket, ask(socket, {"action": "subscribe", **wanted})


def ask(socket: ClientConnection, message: dict[str, Any]) -> dict[str, Any]:
    socket.send(orjson.dumps(message).decode())
    return receive(socket)


def receive(socket: ClientConnection, seconds: float = 15) -> dict[str, Any]:
    return orjson.loads(socket.recv(timeout=seconds))


def next_change(socket: ClientConnection) -> dict[str, Any]:
    while (message := receive(socket))["type"] == "heartbeat":
        continue
    assert message["type"] == "stock.changed", message
    return message


def make_product(stack: Stack, sku: str) -> None:
    variants = [{"sku": sku, "price": "1.00", "currency": "EUR"}]
    stack.call("POST", "/products/", json={"name": sku, "status": "active", "variants": variants})


def adjust(stack: Stack, sku: str, delta: int) -> dict[str, Any]:
    data = {"sku": sku, "location": "main", "delta": delta, "reason": "receipt"}
    return stack.call("POST", "/inventory/adjustments/", json=data)


def test_a_webhook_is_seen_everywhere(stack: Stack) -> None:
    make_product(stack, "FLOW-1")
    with subscribed(stack, skus=["flow-1"]) as (socket, snapshot):
        assert (snapshot["type"], snapshot["levels"]) == ("snapshot", [])

        level = {"sku": "FLOW-1", "location": "main"}
        assert stack.send("inventory.updated", {**level, "on_hand": 40}, webhook_id="flow-1") == 202
        first = next_change(socket)
        assert stack.send("inventory.adjusted", {**level, "delta": -3}, webhook_id="flow-2") == 202
        second = next_change(socket)

    assert [first["level"]["on_hand"], second["level"]["on_hand"]] == [40, 37]
    assert first["sequence"] < second["sequence"]
    assert stack.call("GET", "/inventory/levels/FLOW-1/")["levels"] == [second["level"]]
    assert [m["delta"] for m in stack.every("/inventory/movements/", sku="FLOW-1")] == [-3, 40]
    feed = stack.call("GET", f"/events/?after={first['sequence'] - 1}&subject=level:main/FLOW-1")["results"]
    assert [(event["sequence"], event["data"]["level"]) for event in feed] == [
        (first["sequence"], first["level"]), (second["sequence"], second["level"]),
    ]  # fmt: skip


def next_change_of_flows(socket: ClientConnection) -> dict[str, Any]:
    """The level in the next change of a SKU of these tests."""
    while not (level := next_change(socket)["level"])["sku"].startswith("FLOW-"):
        continue
    return level


def test_a_subscriber_sees_what_it_asked_for_and_nothing_else(stack: Stack) -> None:
    for sku in ("FLOW-2", "FLOW-3"):
        make_product(stack, sku)
    with subscribed(stack, skus=["FLOW-2"]) as (socket, _), subscribed(stack, all=True) as (everything, snapshot):
        assert len(snapshot["levels"]) > 200
        adjust(stack, "FLOW-3", 1)
        adjust(stack, "FLOW-2", 2)

        assert next_change(socket)["level"]["sku"] == "FLOW-2"
        # Changes that an earlier test has made may still be on their way.
        assert [next_change_of_flows(everything)["sku"] for _ in range(2)] == ["FLOW-3", "FLOW-2"]

        socket.send(orjson.dumps({"action": "unsubscribe", "skus": ["FLOW-2"]}).decode())
        assert ask(socket, {"action": "ping"}) == {"type": "pong"}
        adjust(stack, "FLOW-2", 1)
        assert next_change_of_flows(everything)["on_hand"] == 3
        assert ask(socket, {"action": "ping"}) == {"type": "pong"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("{nope", "malformed"),
        ("[1]", "malformed"),
        ('{"action": "dance"}', "unknown_action"),
        ("{}", "unknown_action"),
        ('{"action": "subscribe"}', "malformed"),
        ('{"action": "subscribe", "skus": "A-1"}', "malformed"),
        ('{"action": "subscribe", "skus": [1]}', "malformed"),
        (orjson.dumps({"action": "subscribe", "skus": ["x"] * 1001}).decode(), "too_many_skus"),
    ],
)
def test_an_invalid_message_is_an_error_and_the_connection_stays(stack: Stack, raw: str, code: str) -> None:
    with subscribed(stack, skus=["FLOW-1"]) as (socket, _):
        socket.send(raw)

        answer = receive(socket)
        assert (answer["type"], answer["code"]) == ("error", code)
        assert ask(socket, {"action": "ping"}) == {"type": "pong"}


@pytest.mark.parametrize("key", [None, "Api-Key nobody.knows"])
def test_without_a_key_the_socket_is_closed(stack: Stack, key: str | None) -> None:
    headers = {"Authorization": key} if key else {}
    with connect(stack.quickstart["ws_url"], additional_headers=headers) as socket, pytest.raises(ConnectionClosed):
        socket.recv(timeout=10)

    assert socket.close_code == 4001


@pytest.mark.slow
def test_an_idle_connection_gets_a_heartbeat_within_15_seconds(stack: Stack) -> None:
    with subscribed(stack, skus=["NOTHING-HAPPENS"]) as (socket, snapshot):
        heartbeat = receive(socket, seconds=15)

    assert heartbeat["type"] == "heartbeat"
    assert heartbeat["sequence"] >= snapshot["sequence"]


def test_an_open_socket_misses_nothing_when_redis_and_the_relay_fail(stack: Stack) -> None:
    make_product(stack, "FLOW-4")
    with subscribed(stack, skus=["FLOW-4"]) as (socket, _):
        for number in range(1, 31):
            adjust(stack, "FLOW-4", 1)
            if number == 10:
                redis.Redis.from_url(stack.quickstart["redis_url"]).flushall()
            if number == 20:
                for pid in stack.pids("worker"):
                    os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        seen: list[int] = []
        while len(seen) < 30 and time.monotonic() < deadline:
            seen.append(next_change_within(socket, deadline)["level"]["on_hand"])

    assert seen == list(range(1, 31))


def next_change_within(socket: ClientConnection, deadline: float) -> dict[str, Any]:
    while (message := receive(socket, deadline - time.monotonic()))["type"] == "heartbeat":
        continue
    return message
