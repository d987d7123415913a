"""`python -m benchmarks.generator PORT CLIENTS SECONDS FILE [in-pairs]`: a load generator, for where wrk is missing.

It sends what `benchmarks/wrk.lua` sends, and prints the same line of JSON. Unlike wrk it waits for the last answers, so
that it measures bulk requests too, of which few end within a round. One thread and bare sockets: it uses more of the
machine than wrk, and so both sides are slower with it, the faster one more.
"""

import math
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import orjson

from benchmarks.request_file import read_requests

# A server that is silent for this long has failed.
TIMEOUT_SECONDS: Final = 30.0
SERVED: Final = (b"HTTP/1.1 200", b"HTTP/1.1 201", b"HTTP/1.1 202")
CREATED: Final = b"HTTP/1.1 201"
# One bad row of a bulk is a failure too.
REJECTED: Final = b'"rejected"'
SHOWN_BYTES: Final = 400


class Requests:
    """What to send next; with `in_pairs` each answer 201 is followed by the last request, with the id of the answer."""

    def __init__(self, requests: list[bytes], *, in_pairs: bool) -> None:
        self._follow_up = requests.pop() if in_pairs else None
        self._requests = requests
        self.sent = 0

    @property
    def reused(self) -> int:
        """How many were sent again, because there were no more."""
        return max(0, self.sent - len(self._requests))

    def next(self, answer: bytes = b"") -> bytes:
        """The request after this answer, on the same connection."""
        if self._follow_up is not None and answer.startswith(CREATED):
            body = orjson.loads(answer.partition(b"\r\n\r\n")[2])
            return self._follow_up.replace(b"{id}", str(body["id"]).encode())
        self.sent += 1
        return self._requests[(self.sent - 1) % len(self._requests)]


class Client:
    """A keep-alive connection with one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0
        self._received = bytearray()
        self._wanted = 0

    def send(self, request: bytes) -> None:
        """Sends a request."""
        self._received.clear()
        self._wanted = 0
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Reads available bytes; returns the answer once it is complete. Raises ConnectionError if closed."""
        chunk = self.socket.recv(1024 * 1024)
        if not chunk:
            raise ConnectionError("The server closed the connection.")
        self._received += chunk
        if not self._wanted:
            head, separator, _ = self._received.partition(b"\r\n\r\n")
            if not separator:
                return None
            _, found, rest = head.lower().partition(b"\r\ncontent-length:")
            if not found:
                raise ConnectionError(f"An answer of unknown length: {head.decode(errors='replace')}")
            self._wanted = len(head) + len(separator) + int(rest.partition(b"\r\n")[0])
        return bytes(self._received) if len(self._received) >= self._wanted else None


class Counts:
    """The answers."""

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self.refused = 0
        self.broken = 0
        self.failure = ""

    def add(self, answer: bytes, milliseconds: float) -> None:
        """Counts an answer."""
        self.milliseconds.append(milliseconds)
        if not answer.startswith(SERVED) or REJECTED in answer:
            self.refused += 1
            self.failure = self.failure or answer[:SHOWN_BYTES].decode(errors="replace")

    def add_broken(self, reason: str) -> None:
        """Counts a request without an answer."""
        self.broken += 1
        self.failure = self.failure or reason

    def percentile(self, share: float) -> float:
        """The milliseconds within which this share of the answers came."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)))] if ordered else 0.0


def answer_to(request: bytes, port: int) -> str:
    """The beginning of the answer to one request."""
    client = Client(port)
    with closing(client.socket):
        client.send(request)
        while (answer := client.receive()) is None:
            continue
    return answer[:SHOWN_BYTES].decode(errors="replace")


def drive(port: int, requests: Requests, *, clients: int, seconds: float) -> dict[str, float | str]:
    """Loads the server until the time is over, and waits for the last answers."""
    counts = Counts()
    with selectors.DefaultSelector() as selector:
        opened = [Client(port) for _ in range(clients)]
        for client in opened:
            selector.register(client.socket, selectors.EVENT_READ, client)
        began = time.perf_counter()
        for client in opened:
            client.send(requests.next())
        _exchange(selector, requests, counts, until=began + seconds)
        took = time.perf_counter() - began
    for client in opened:
        client.socket.close()
    return {
        "requests": len(counts.milliseconds),
        "seconds": took,
        "p50_ms": counts.percentile(0.50),
        "p99_ms": counts.percentile(0.99),
        "refused": counts.refused,
        "broken": counts.broken,
        "reused": requests.reused,
        "failure": counts.failure,
    }


def _exchange(selector: selectors.BaseSelector, requests: Requests, counts: Counts, *, until: float) -> None:
    while waiting := len(selector.get_map()):
        ready = selector.select(TIMEOUT_SECONDS)
        if not ready:
            for _ in range(waiting):
                counts.add_broken(f"No answer within {TIMEOUT_SECONDS:.0f} s.")
            break
        for client in _clients(ready):
            try:
                answer = client.receive()
                if answer is None:
                    continue
                counts.add(answer, 1_000 * (time.perf_counter() - client.sent_at))
                if time.perf_counter() < until:
                    client.send(requests.next(answer))
                    continue
            except OSError as error:
                counts.add_broken(str(error))
            selector.unregister(client.socket)


def _clients(ready: Sequence[tuple[selectors.SelectorKey, int]]) -> Iterator[Client]:
    for key, _ in ready:
        yield key.data


def main() -> None:
    """Prints the counts."""
    port, clients, seconds, file, *mode = sys.argv[1:]
    requests = Requests(list(read_requests(Path(file))), in_pairs=bool(mode))
    counts = drive(int(port), requests, clients=int(clients), seconds=float(seconds))
    sys.stdout.write(f"{orjson.dumps(counts).decode()}\n")


if __name__ == "__main__":
    main()
