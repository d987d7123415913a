"""`python -m benchmarks.listen < ORDER`: a thousand sockets at either server, and who publishes; answers in JSON.

The clients are bare protocols on one loop, which look for a word in what they get: whatever they took of the machine,
both sides would be charged with it alike.
"""

import asyncio
import os
import secrets
import sys
import time
from base64 import b64encode
from collections.abc import Awaitable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import django
import orjson

from benchmarks.listen_order import Answer, Order
from benchmarks.workloads import LOCATION, sku

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from inventory import services as inventory  # noqa: E402 - Django is set up first
from pms_backend.events.services import relay_pending  # noqa: E402

PATIENCE_SECONDS = 20.0
OPENED_AT_ONCE = 25
Result = TypeVar("Result")

HANDSHAKE = b"101 Switching Protocols"
SNAPSHOT, CHANGED = b'"snapshot"', b'"stock.changed"'
# Of four bytes, as both servers send them; a client masks, here by zeros.
PING, PONG = b"\x89\x04", b"\x8a\x84\0\0\0\0"
SUBSCRIBE = orjson.dumps({"action": "subscribe", "skus": [sku(0)]})


class Client(asyncio.Protocol):
    """Says when a word has come."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._word = b""
        self._got = b""
        self._heard: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Looks for the word; answers pings, which come by themselves."""
        if data.startswith(PING):
            self.say(PONG + data[len(PING) : len(PING) + 4])
        self._got += data
        if self._heard is not None and not self._heard.done() and self._word in self._got:
            self._heard.set_result(self._got)
            self._got = b""

    def expect(self, word: bytes) -> "asyncio.Future[bytes]":
        """Done when it has come."""
        self._word, self._got = word, b""
        self._heard = asyncio.get_running_loop().create_future()
        return self._heard

    def say(self, data: bytes) -> None:
        """Bytes as they are."""
        assert self.transport is not None
        self.transport.write(data)


def frame(text: bytes) -> bytes:
    """A client's frame; masked by zeros, which changes nothing."""
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + text


async def open_client(port: int, key: str) -> Client:
    """A connection after its handshake."""
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    accepted = client.expect(HANDSHAKE)
    nonce = b64encode(secrets.token_bytes(16)).decode()
    client.say(
        f"GET /ws/stock/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"X-Api-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n".encode()
    )
    await accepted
    return client


async def open_many(port: int, order: Order, *, subscribe: bool) -> list[Client]:
    """All of them, a few at a time."""
    clients: list[Client] = []
    while len(clients) < order.sockets:
        opened = asyncio.gather(*(open_client(port, order.api_key) for _ in range(OPENED_AT_ONCE)))
        some = await within(opened, "the handshakes")
        clients += some
        if subscribe:
            answers = [client.expect(SNAPSHOT) for client in some]
            for client in some:
                client.say(frame(SUBSCRIBE))
            await within(asyncio.gather(*answers), "the snapshots")
    return clients


def memory_kb(pid: int) -> int:
    """What a process holds of the machine's memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def measure(order: Order) -> Answer:
    """Ours and the limit in turn, the same bytes."""
    answer = Answer()
    # What was made before is published before anybody listens.
    await asyncio.to_thread(relay_pending)
    # One before all others: what a server loads for its first client is no client's.
    first = [await open_client(port, order.api_key) for port in (order.limit_port, order.our_port)]
    first[1].say(frame(SUBSCRIBE))
    await within(first[1].expect(SNAPSHOT), "the first snapshot")
    before = memory_kb(order.limit_pid), memory_kb(order.our_pid)
    theirs = await open_many(order.limit_port, order, subscribe=False)
    ours = await open_many(order.our_port, order, subscribe=True)
    answer.limit_kb = (memory_kb(order.limit_pid) - before[0]) / len(theirs)
    answer.our_kb = (memory_kb(order.our_pid) - before[1]) / len(ours)
    for number in range(order.rounds + 1):
        await asyncio.to_thread(inventory.adjust_stock, sku=sku(0), location=LOCATION, delta=1, reason="correction")
        heard = [client.expect(CHANGED) for client in ours]
        start = time.perf_counter()
        published = asyncio.gather(asyncio.to_thread(relay_pending), *heard)
        _, told, *_ = await within(published, "our changes")
        our_ms = 1000 * (time.perf_counter() - start)
        text = told[told.index(b'{"type"') :]
        heard = [client.expect(CHANGED) for client in theirs]
        start = time.perf_counter()
        theirs[0].say(frame(text))
        await within(asyncio.gather(*heard), "the broadcast")
        limit_ms = 1000 * (time.perf_counter() - start)
        if number:
            answer.our_ms.append(our_ms)
            answer.limit_ms.append(limit_ms)
    return answer


async def within(waited: Awaitable[Result], what: str) -> Result:
    """What is waited for; TimeoutError, with its name, where it does not come."""
    try:
        return await asyncio.wait_for(waited, PATIENCE_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"{what}: not within {PATIENCE_SECONDS:.0f} s") from None


def main() -> None:
    """Reads the order, prints the answer."""
    order = Order(**orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.write(orjson.dumps(asdict(asyncio.run(measure(order)))).decode() + "\n")


if __name__ == "__main__":
    main()
