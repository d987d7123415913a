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

from django.db import transaction  # noqa: E402 - Django is set up first

from inventory import services as inventory  # noqa: E402
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
        """Searches for the word; answers pings, whose first byte is in no message, since those are ASCII."""
        if (ping := data.find(PING)) >= 0:
            start = ping + len(PING)
            self.send(PONG + data[start : start + 4])
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


def cpu_ms(pid: int) -> float:
    """The CPU time of all threads of a process."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e6


def change_stock() -> float:
    """Changes a level, as a request does, which wakes the relay; returns the moment of the commit."""
    moments: list[float] = []
    with transaction.atomic():
        transaction.on_commit(lambda: moments.append(time.perf_counter()))
        inventory.adjust_stock(sku=sku(0), location=LOCATION, delta=1, reason="correction")
    return moments[0]


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
        text = await measure_ours(ours, order, measurement)
        await measure_limit(theirs, text, order, measurement)
        if number == 0:
            # The first round only warms up.
            measurement = Measurement(our_kb=measurement.our_kb, limit_kb=measurement.limit_kb)
    measurement.our_mb = memory_kb(order.our_pid) / 1000
    return measurement


async def measure_ours(clients: list[Client], order: Order, measurement: Measurement) -> bytes:
    """One change of stock, from its commit to the last client. Returns the message."""
    waiting = [client.expect(CHANGED) for client in clients]
    before = cpu_ms(order.our_pid)
    committed = await asyncio.to_thread(change_stock)
    received = (await within(asyncio.gather(*waiting), "our changes"))[0]
    ended = time.perf_counter()
    measurement.our_cpu_ms.append(cpu_ms(order.our_pid) - before)
    measurement.rounds.append((committed, ended))
    return received[received.index(b'{"type"') :]


async def measure_limit(clients: list[Client], text: bytes, order: Order, measurement: Measurement) -> None:
    """The same message by the bare server."""
    waiting = [client.expect(CHANGED) for client in clients]
    before = cpu_ms(order.limit_pid)
    start = time.perf_counter()
    clients[0].send(frame(text))
    await within(asyncio.gather(*waiting), "the broadcast")
    measurement.limit_ms.append(1000 * (time.perf_counter() - start))
    measurement.limit_cpu_ms.append(cpu_ms(order.limit_pid) - before)


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
