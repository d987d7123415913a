"""`python -m benchmarks.load < ORDER`: the load generator, in a process of its own; input and output are JSON.

One thread and bare sockets, so that the generator itself uses little of the machine.
"""

import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import orjson

from benchmarks.workloads import Workload, stream

# A server that is silent for this long has failed.
TIMEOUT_SECONDS = 15.0
SERVED = (b"HTTP/1.1 200", b"HTTP/1.1 201", b"HTTP/1.1 202")
# One bad row of a bulk is a failure too.
REJECTED = b'"rejected"'
SHOWN_BYTES = 400


@dataclass(frozen=True, slots=True)
class Order:
    """How to load the server at `port`."""

    workload: Workload
    port: int
    api_key: str
    clients: int
    seconds: float


@dataclass(slots=True)
class Load:
    """The result: requests `served` until the last response, the number of failures, and the first of them."""

    seconds: float
    rows: int = 1
    served: int = 0
    failures: int = 0
    failure: str = ""

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.served * self.rows / self.seconds

    def fail(self, reason: bytes | str) -> None:
        """Counts a failure."""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
        self.failures += 1
        self.failure = self.failure or text[:SHOWN_BYTES]


class Client:
    """A keep-alive connection with one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def send(self, request: bytes) -> None:
        """Sends a request."""
        self._received = b""
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Reads available bytes; returns the response once it is complete. Raises ConnectionError if closed."""
        chunk = self.socket.recv(65_536)
        if not chunk:
            raise ConnectionError("The server closed the connection.")
        self._received += chunk
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        _, found, rest = head.lower().partition(b"\r\ncontent-length:")
        if not found:
            raise ConnectionError(f"An answer of unknown length: {self._received.decode(errors='replace')}")
        return self._received if len(body) >= int(rest.partition(b"\r\n")[0]) else None


def run(order: Order) -> Load:
    """Loads the server until the time is over, and waits for the last responses."""
    requests = stream(order.workload, order.api_key)
    with selectors.DefaultSelector() as selector:
        clients = [Client(order.port) for _ in range(order.clients)]
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        load = _drive(selector, clients, requests, order.workload.rows, order.seconds)
    for client in clients:
        client.socket.close()
    return load


def _drive(
    selector: selectors.BaseSelector, clients: Sequence[Client], requests: Iterator[bytes], rows: int, seconds: float
) -> Load:
    load = Load(seconds, rows)
    waiting = len(clients)
    began = time.perf_counter()
    deadline = began + seconds
    for idle in clients:
        idle.send(next(requests))
    while waiting:
        ready = selector.select(TIMEOUT_SECONDS)
        if not ready:
            for _ in range(waiting):
                load.fail(f"No answer within {TIMEOUT_SECONDS:.0f} s.")
            break
        is_open = time.perf_counter() < deadline
        for key, _ in ready:
            client: Client = key.data
            try:
                answer = client.receive()
                if answer is None:
                    continue
                _count(answer, load)
                if is_open:
                    client.send(next(requests))
                    continue
            except OSError as error:
                load.fail(str(error))
            selector.unregister(client.socket)
            waiting -= 1
    load.seconds = time.perf_counter() - began
    return load


def _count(answer: bytes, load: Load) -> None:
    if not answer.startswith(SERVED) or REJECTED in answer:
        load.fail(answer)
    else:
        load.served += 1


def main() -> None:
    """Reads the order, prints the result."""
    order = orjson.loads(sys.stdin.buffer.read())
    load = run(Order(**{**order, "workload": Workload(**order["workload"])}))
    sys.stdout.write(orjson.dumps(asdict(load)).decode() + "\n")


if __name__ == "__main__":
    main()
