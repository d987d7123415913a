"""The hub writes to each client itself, the same bytes to all, as long as the client reads."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from inventory import consumers
from inventory.hub import Hub
from inventory.messages import Selection
from inventory.socket_connection import CLOSE_FAILED, Connection
from inventory.socket_limits import WRITE_BYTES
from inventory.subscribers import Batch, Change, Subscriber, heartbeat, text_frame
from pms_backend.access.caller import Caller


class Server:
    """What a connection has of the server: it stores all that it is given, and may refuse to write."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.events: list[dict[str, Any]] = []
        self.is_writable = True

    def write(self, frames: bytes) -> bool:
        if self.is_writable:
            self.written.append(frames)
        return self.is_writable

    async def send(self, event: Any) -> None:
        """Like uvicorn's: waits until the client reads again."""
        while not self.is_writable:
            await asyncio.sleep(0)
        self.events.append(event)
        if event["type"] == "websocket.send":
            self.written.append(text_frame(event["text"].encode()))


def change(sequence: int, *, sku: str = "A-1", location: str = "main", size: int = 0) -> Change:
    return Change.of(sequence, sku, location, b"%d %b" % (sequence, b"x" * size))


def batch(*changes: Change) -> Batch:
    return Batch.of(changes)


def connected(run: Callable[[Hub, Subscriber, Server, Connection], Awaitable[None]]) -> Server:
    """Runs with a connection to everything."""
    server = Server()

    async def connect() -> None:
        hub, subscriber = Hub(), Subscriber(Caller("client:a", frozenset(), "default", "client:a"))
        subscriber.subscriptions.everything = True
        connection = Connection(hub, subscriber, server.send, {"write": server.write, "abort": lambda: None})
        async with connection.sending():
            await run(hub, subscriber, server, connection)

    asyncio.run(connect())
    return server


async def until_all_is_sent(subscriber: Subscriber) -> None:
    async with asyncio.timeout(5):
        while subscriber.unread or subscriber.heartbeat_due or subscriber.sending.locked():
            await asyncio.sleep(0)


def test_changes_are_written_before_the_hub_goes_on() -> None:
    async def run(_: Hub, subscriber: Subscriber, server: Server, __: Connection) -> None:
        written = subscriber.pass_on(batch(change(1), change(2)))
        assert (written, server.written) == (2, [change(1).frame + change(2).frame])

    assert connected(run).events == []


def test_many_changes_are_written_in_turns_and_in_their_order() -> None:
    changes = [change(number, size=WRITE_BYTES // 3) for number in range(8)]

    async def run(_: Hub, subscriber: Subscriber, server: Server, __: Connection) -> None:
        assert subscriber.pass_on(batch(*changes)) == 3
        assert subscriber.pass_on(batch(change(8))) == 0
        await until_all_is_sent(subscriber)

    server = connected(run)

    assert b"".join(server.written) == b"".join(change.frame for change in (*changes, change(8)))
    assert max(map(len, server.written)) < 2 * WRITE_BYTES


def test_what_a_client_does_not_read_waits_and_nothing_overtakes_it() -> None:
    async def run(hub: Hub, subscriber: Subscriber, server: Server, _: Connection) -> None:
        server.is_writable = False
        assert subscriber.pass_on(batch(change(1))) == 0
        await asyncio.sleep(0)  # its task waits for the client now
        server.is_writable = True
        assert subscriber.pass_on(batch(change(2))) == 0
        hub.sequence = 2
        subscriber.send_heartbeat(text_frame(heartbeat(2)))
        await until_all_is_sent(subscriber)
        assert subscriber.pass_on(batch(change(3))) == 1

    frames = [change(1).frame, change(2).frame, text_frame(heartbeat(2)), change(3).frame]
    assert connected(run).written == frames


def test_a_change_that_comes_while_the_last_heartbeat_is_sent_is_sent_too() -> None:
    async def run(_: Hub, subscriber: Subscriber, server: Server, __: Connection) -> None:
        server.is_writable = False
        subscriber.send_heartbeat(text_frame(heartbeat(0)))
        await asyncio.sleep(0)
        assert subscriber.sending.locked()
        subscriber.pass_on(batch(change(1)))
        server.is_writable = True
        await until_all_is_sent(subscriber)

    assert connected(run).written == [text_frame(heartbeat(0)), change(1).frame]


def test_a_connection_that_cannot_be_written_to_is_closed_and_stops_no_other() -> None:
    async def run(_: Hub, subscriber: Subscriber, server: Server, __: Connection) -> None:
        def fail(_: bytes) -> bool:
            raise RuntimeError("broken")

        server.write = fail  # type: ignore[method-assign]
        broken = Connection(Hub(), subscriber, server.send, {"write": fail, "abort": lambda: None})
        async with broken.sending():
            assert subscriber.pass_on(batch(change(1))) == 0
            async with asyncio.timeout(5):
                while not server.events:
                    await asyncio.sleep(0)

    assert connected(run).events == [{"type": "websocket.close", "code": CLOSE_FAILED}]


def test_a_server_without_extensions_sends_by_asgi(monkeypatch: pytest.MonkeyPatch) -> None:
    """In ASGI the key `extensions` of a scope is optional."""
    server, hub = Server(), Hub()
    incoming = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": '{"action": "ping"}'}]

    async def admit(*_: Any, **__: Any) -> Caller:
        return Caller("client:a", frozenset(), "default", "client:a")

    async def get_hub() -> Hub:
        return hub

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else {"type": "websocket.disconnect", "code": 1000}

    monkeypatch.setattr(consumers, "read", admit)
    monkeypatch.setattr(consumers, "get_hub", get_hub)
    asyncio.run(consumers.StockConsumer()({"type": "websocket", "headers": []}, receive, server.send))

    assert [event["type"] for event in server.events] == ["websocket.accept", "websocket.send"]


@pytest.mark.parametrize(
    ("selections", "sequences"),
    [
        ([Selection()], [1, 2, 3]),
        ([Selection(frozenset({"A-1"}))], [1, 2]),
        ([Selection(None, frozenset({"shop"}))], [2, 3]),
        ([Selection(frozenset({"A-1"}), frozenset({"shop"}))], [2]),
        ([Selection(frozenset({"B-1"})), Selection(frozenset({"A-1"}), frozenset({"main"}))], [1, 3]),
        ([Selection(frozenset({"C-1"}), frozenset({"main"}))], []),
        ([Selection(None, frozenset({"attic"}))], []),
        ([], []),
    ],
)
def test_each_gets_what_it_has_subscribed_to(selections: list[Selection], sequences: list[int]) -> None:
    changes = [change(1), change(2, location="shop"), change(3, sku="B-1", location="shop")]

    async def run(_: Hub, subscriber: Subscriber, server: Server, __: Connection) -> None:
        subscriber.subscriptions.everything = False
        for selection in selections:
            subscriber.subscriptions.add(selection)
        assert subscriber.pass_on(batch(*changes)) == len(sequences)

    wanted = b"".join(change.frame for change in changes if change.sequence in sequences)
    assert b"".join(connected(run).written) == wanted
