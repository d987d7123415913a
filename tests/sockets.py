"""A real socket server on the test's database, and clients of it."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import orjson
from django.db import connections
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from pms_backend.events.models import FeedHead
from pms_backend.events.services import relay_pending
from pms_backend.standalone.ports import LOOPBACK, accepts, free_port
from pms_backend.standalone.programs import SOCKET_PROTOCOL
from tests.faults.celery_processes import ROOT, database_url

START_SECONDS = 60
TIMEOUT_SECONDS = 30
# Between the sequences of two tests that share a server, for which both are one feed.
GAP = 1_000


# Runs uvicorn after some statements that make its bounds small.
_HASTY = """
import pms_backend.asgi, uvicorn
from inventory import hub, slow_clients, socket_connection
{}
uvicorn.main()
"""


class SocketServer:
    """The socket server's process; it can be killed and started again at the same port."""

    def __init__(self, *bounds: str, **environment: str) -> None:
        """`bounds` are statements such as `hub.RECHECK_SECONDS = 1`; without any, the server runs as it is started."""
        self.port = free_port()
        self.program = ("-c", _HASTY.format("; ".join(bounds))) if bounds else ("-m", "uvicorn")
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}/ws/stock/"

    def start(self) -> Self:
        """Returns when it answers."""
        command = [*self.program, "pms_backend.asgi:application", *SOCKET_PROTOCOL, "--lifespan", "off"]
        limits = ["--timeout-graceful-shutdown", "1", "--log-level", "warning", "--no-access-log"]
        self.process = subprocess.Popen(
            [sys.executable, *command, *limits, "--port", str(self.port), "--no-proxy-headers"],
            cwd=ROOT, env={**os.environ, "DATABASE_URL": database_url(), **self.environment},
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not accepts(LOOPBACK, self.port, seconds=1):
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def socket(self, key: str | None = None, *, query: str = "", **headers: str) -> "Socket":
        """A connection, with a key or other headers."""
        sent = {**headers, **({"X-Api-Key": key} if key else {})}
        return Socket(self.url + query, sent)


class Socket:
    """A client that stores the newest version of each level and the sequences that it received."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._opened = contextlib.ExitStack()
        self.connection: ClientConnection = self._opened.enter_context(
            connect(url, additional_headers=headers, max_size=None)
        )
        self.levels: dict[tuple[str, str], dict[str, Any]] = {}
        self.sequence = 0
        self.sequences: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def send(self, **message: Any) -> None:
        self.connection.send(orjson.dumps(message).decode())

    def receive(self, seconds: float = TIMEOUT_SECONDS) -> dict[str, Any]:
        """Receives the next message and applies it."""
        message: dict[str, Any] = orjson.loads(self.connection.recv(timeout=seconds))
        self.sequence = max(self.sequence, message.get("sequence", 0))
        if message["type"] == "stock.changed":
            self.sequences.append(message["sequence"])
        for level in [*message.get("levels", []), *([message["level"]] if "level" in message else [])]:
            key = level["sku"], level["location"]
            if key not in self.levels or level["version"] >= self.levels[key]["version"]:
                self.levels[key] = level
        return message

    def next(self, type: str) -> dict[str, Any]:
        """The next message of a type, whatever else comes before; heartbeats come at any time."""
        while (message := self.receive())["type"] != type:
            assert message["type"] in ("heartbeat", "stock.changed"), message
        return message

    def ask(self, **message: Any) -> dict[str, Any]:
        """Sends a message and returns the reply, skipping heartbeats."""
        self.send(**message)
        while (answer := self.receive())["type"] == "heartbeat":
            continue
        return answer

    def subscribe(self, **wanted: Any) -> dict[str, Any]:
        """Subscribes and returns the snapshot."""
        snapshot = self.ask(action="subscribe", **wanted)
        assert snapshot["type"] == "snapshot", snapshot
        return snapshot

    def receive_until(self, holds: Callable[[], bool]) -> None:
        """Receives messages until the condition holds."""
        deadline = time.monotonic() + 2 * TIMEOUT_SECONDS
        while not holds():
            self.receive()
            assert time.monotonic() < deadline

    def closed(self, seconds: float = TIMEOUT_SECONDS) -> int | None:
        """The close code of the connection, skipping messages before it."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline:
                self.receive(seconds)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        raise AssertionError("It stays open.")


def continue_feed(at: int) -> int:
    """Starts the feed of a new test after that of the test before; returns its sequence."""
    # Earlier events do not exist, as if they had been pruned.
    FeedHead.objects.update_or_create(defaults={"sequence": at + GAP, "pruned_to": at + GAP})
    return at + GAP


@contextlib.contextmanager
def relaying() -> Iterator[None]:
    """Runs a relay in a thread."""
    stop = threading.Event()

    def run() -> None:
        try:
            while not stop.wait(0.02):
                relay_pending()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
