"""`python -m benchmarks.listen < ORDER`: a thousand clients of both servers and the publisher; prints JSON.

The clients are bare protocols on one loop that search for a word in the bytes received, so that they cost both sides
little and the same.
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

from benchmarks.listen_order import Measurement, Order
from benchmarks.workloads import LOCATION, sku

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
django.setup()

from inventory import services as inventory  # noqa: E402 - Django is set up first
from pms_backend.events.services import relay_pending  # noqa: E402

TIMEOUT_SECONDS = 20.0
HANDSHAKES_AT_ONCE = 25
Result = TypeVar("Result")

HANDSHAKE = b"101 Switching Protocols"
SNAPSHOT, CHANGED = b'"snapshot"', b'"stock.changed"'
# Both servers send pings of four bytes; a client masks its frames, here with zeros.
PING, PONG = b"\x89\x04", b"\x8a\x84\0\0\0\0"
SUBSCRIBE = orjson.dumps({"action": "subscribe", "skus": [sku(0)]})


class Client(asyncio.Protocol):
    """Completes a future when an expected word is received."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._word = b""
        self._buffer = b""
        self._received_word: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stores the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Searches for the word; answers pings, each of which is a chunk of its own."""
        if data.startswith(PING):
            self.send(PONG + data[len(PING) : len(PING) + 4])
        self._buffer += data
        if self._received_word is not None and not self._received_word.done() and self._word in self._buffer:
            self._received_word.set_result(self._buffer)
            self._buffer = b""

    def expect(self, word: bytes) -> "asyncio.Future[bytes]":
        """A future for the bytes up to and including the word."""
        self._word, self._buffer = word, b""
        self._received_word = asyncio.get_running_loop().create_future()
        return self._received_word

    def send(self, data: bytes) -> None:
        """Sends raw bytes."""
        assert self.transport is not None
        self.transport.write(data)


def frame(text: bytes) -> bytes:
    """A client's text frame, masked with zeros, which changes nothing."""
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + text


async def open_client(port: int, key: str) -> Client:
    """A connection after its handshake."""
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    accepted = client.expect(HANDSHAKE)
    nonce = b64encode(secrets.token_bytes(16)).decode()
    client.send(
        f"GET /ws/stock/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"X-Api-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n".encode()
    )
    await accepted
    return client


async def open_many(port: int, order: Order, *, subscribe: bool) -> list[Client]:
    """All of them, a few at a time."""
    clients: list[Client] = []
    while len(clients) < order.sockets:
        opened = asyncio.gather(*(open_client(port, order.api_key) for _ in range(HANDSHAKES_AT_ONCE)))
        some = await within(opened, "the handshakes")
        clients += some
        if subscribe:
            answers = [client.expect(SNAPSHOT) for client in some]
            for client in some:
                client.send(frame(SUBSCRIBE))
            await within(asyncio.gather(*answers), "the snapshots")
    return clients


def memory_kb(pid: int) -> int:
    """The resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def measure(order: Order) -> Measurement:
    """Measures ours and the limit in turn, with the same bytes."""
    measurement = Measurement()
    # Publishes earlier events before the first client connects.
    await asyncio.to_thread(relay_pending)
    # One client before all others: memory that a server allocates once does not count per client.
    first = [await open_client(port, order.api_key) for port in (order.limit_port, order.our_port)]
    first[1].send(frame(SUBSCRIBE))
    await within(first[1].expect(SNAPSHOT), "the first snapshot")
    before = memory_kb(order.limit_pid), memory_kb(order.our_pid)
    theirs = await open_many(order.limit_port, order, subscribe=False)
    ours = await open_many(order.our_port, order, subscribe=True)
    measurement.limit_kb = (memory_kb(order.limit_pid) - before[0]) / len(theirs)
    measurement.our_kb = (memory_kb(order.our_pid) - before[1]) / len(ours)
    for number in range(order.rounds + 1):
        await asyncio.to_thread(inventory.adjust_stock, sku=sku(0), location=LOCATION, delta=1, reason="correction")
        waiting = [client.expect(CHANGED) for client in ours]
        start = time.perf_counter()
        published = asyncio.gather(asyncio.to_thread(relay_pending), *waiting)
        _, received, *_ = await within(published, "our changes")
        our_ms = 1000 * (time.perf_counter() - start)
        text = received[received.index(b'{"type"') :]
        waiting = [client.expect(CHANGED) for client in theirs]
        start = time.perf_counter()
        theirs[0].send(frame(text))
        await within(asyncio.gather(*waiting), "the broadcast")
        limit_ms = 1000 * (time.perf_counter() - start)
        if number:
            measurement.our_ms.append(our_ms)
            measurement.limit_ms.append(limit_ms)
    return measurement


async def within(waited: Awaitable[Result], what: str) -> Result:
    """The awaited result. Raises TimeoutError with a name for it."""
    try:
        return await asyncio.wait_for(waited, TIMEOUT_SECONDS)
    except TimeoutError:
        raise TimeoutError(f"{what}: not within {TIMEOUT_SECONDS:.0f} s") from None


def main() -> None:
    """Reads the order, prints the measurement."""
    order = Order(**orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.write(orjson.dumps(asdict(asyncio.run(measure(order)))).decode() + "\n")


if __name__ == "__main__":
    main()
