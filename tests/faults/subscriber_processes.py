"""Subscribers of outbound webhooks, each a process of its own: `python -m tests.faults.subscriber_processes KIND DIR`.

Each writes what it has received into DIR/received, a line of JSON for each request, and its port into DIR/port. The
secret is in DIR/secret by the first request.
"""

import asyncio
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("good", "slow", "half", "gone", "hanging", "redirecting", "huge", "closing")
WAITS = {"slow": 1.2, "hanging": 3_600}
HUGE_BYTES = 10 * 2**20
HEADS = {
    "failing": "500 Internal Server Error\r\nContent-Length: 2",
    "gone": "410 Gone\r\nContent-Length: 2",
    "redirecting": "302 Found\r\nLocation: /elsewhere/\r\nContent-Length: 2",
    "huge": f"200 OK\r\nContent-Length: {HUGE_BYTES + 2}",
    "closing": "200 OK\r\nContent-Length: 100",
}


class Subscriber:
    """The process, as the test sees it."""

    def __init__(self, kind: str, directory: Path) -> None:
        directory.mkdir()
        self.kind, self._directory = kind, directory
        command = [sys.executable, "-m", "tests.faults.subscriber_processes", kind, str(directory)]
        self._process = subprocess.Popen(command, cwd=ROOT)

    @property
    def url(self) -> str:
        """Where it waits."""
        port = self._directory / "port"
        wait_until(port.exists, "the subscriber waits")
        return f"http://127.0.0.1:{port.read_text()}/{self.kind}/"

    def know(self, secret: str) -> None:
        """Tells it its secret."""
        (self._directory / "secret").write_text(secret)

    def received(self) -> list[dict[str, Any]]:
        """What it has received, in the order of arrival."""
        log = self._directory / "received"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def stop(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.wait(10)


@contextmanager
def subscribers(directory: Path, *kinds: str) -> Iterator[list[Subscriber]]:
    """A process of each kind."""
    running = [Subscriber(kind, directory / f"{number}-{kind}") for number, kind in enumerate(kinds)]
    try:
        yield running
    finally:
        for each in running:
            each.stop()


def see(head: str, body: bytes, secret: str) -> dict[str, Any]:
    """What is written of a request."""
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
    sent = json.loads(body)
    try:
        Webhook(secret).verify(body, headers)
        is_verified = True
    except WebhookVerificationError:
        is_verified = False
    return {
        "id": headers["webhook-id"],
        "sequence": sent["sequence"],
        "previous_sequence": sent["previous_sequence"],
        "is_verified": is_verified,
    }


async def answer(kind: str, number: int, writer: asyncio.StreamWriter) -> bool:
    """Answers as its kind does; returns whether the connection stays open."""
    if kind in WAITS:
        await asyncio.sleep(WAITS[kind])
    is_failure = kind == "half" and number % 2 == 0
    head = HEADS["failing"] if is_failure else HEADS.get(kind, "200 OK\r\nContent-Length: 2")
    writer.write(f"HTTP/1.1 {head}\r\n\r\nok".encode())
    if kind == "huge":
        for _ in range(HUGE_BYTES // 2**16):
            writer.write(bytes(2**16))
            await writer.drain()
    await writer.drain()
    return kind not in ("huge", "closing")


async def subscribe(kind: str, directory: Path) -> None:
    """Receives webhooks until the process ends."""
    numbers = itertools.count()
    log = (directory / "received").open("a")

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            is_open = True
            while is_open:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(length[1]) if length else 0)
                log.write(json.dumps(see(head, body, (directory / "secret").read_text())) + "\n")
                log.flush()
                is_open = await answer(kind, next(numbers), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    waiting = directory / "port.new"
    waiting.write_text(str(server.sockets[0].getsockname()[1]))
    waiting.rename(directory / "port")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(subscribe(sys.argv[1], Path(sys.argv[2])))
