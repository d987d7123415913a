"""The order of what one connection is sent, where the hub is faster than whoever sends."""

import asyncio
from typing import Any

from inventory import socket_connection
from inventory.hub import Hub
from inventory.messages import Selection, Subscribe
from inventory.snapshots import Snapshot, read_snapshot
from inventory.socket_connection import Connection
from inventory.subscribers import Batch, Change, Subscriber
from pms_backend.access.caller import Caller


def test_unread_changes_are_sent_before_a_snapshot_and_newer_ones_after_it(monkeypatch) -> None:
    """Otherwise resuming behind the snapshot's sequence would skip the first."""
    subscriber = Subscriber(Caller("client:a", frozenset(), "default", "client:a"))
    subscriber.subscriptions.everything = True
    sent: list[str] = []
    all_sent = asyncio.Event()

    async def read(function: Any, *_: Any) -> Any:
        if function is not read_snapshot:
            return 0
        subscriber.pass_on(Batch.of([Change.of(8, "A-1", "main", b"later")]))
        return Snapshot(b"[]", is_reset=False)

    async def send(event: Any) -> None:
        sent.append(event["text"])
        if len(sent) == 3:
            all_sent.set()

    async def subscribe() -> None:
        hub = Hub()
        hub.sequence = 7
        connection = Connection(hub, subscriber, send, None)
        async with connection.sending():
            subscriber.pass_on(Batch.of([Change.of(7, "A-1", "main", b"earlier")]))
            await connection._subscribe(Subscribe(Selection(), None))
            await all_sent.wait()

    monkeypatch.setattr(socket_connection, "read", read)
    asyncio.run(subscribe())

    assert sent == ["earlier", '{"type":"snapshot","sequence":7,"levels":[]}', "later"]
