"""A connection to the database that breaks during COMMIT: the response says what is known."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from inventory.models import StockMovement
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product
from tests.faults.celery_processes import database_url
from tests.web_process import web_server

pytestmark = pytest.mark.django_db(transaction=True)

ADJUSTMENTS = "/api/v1/inventory/adjustments/"
RECEIPT = {"sku": "A-1", "location": "main", "delta": 5, "reason": "receipt", "note": "a-receipt"}
UNKNOWN = "whether anything was written is not known"


class Breaker:
    """Passes bytes between clients and PostgreSQL; once, it drops the reply to a message that contains `trigger`."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.trigger: bytes | None = None
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        """Stops when all its connections are closed."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()

    def _accept(self) -> None:
        pairs = []
        with self._listener, suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                pairs.append(threading.Thread(target=self._serve, args=(client,)))
                pairs[-1].start()
        for pair in pairs:
            pair.join()

    def _serve(self, client: socket.socket) -> None:
        broken = threading.Event()
        with client, socket.create_connection(self._server) as server:
            asking = threading.Thread(target=self._ask, args=(client, server, broken))
            asking.start()
            with suppress(OSError):
                while (answer := server.recv(65_536)) and not broken.is_set():
                    client.sendall(answer)
            _end(client)
            asking.join()

    def _ask(self, client: socket.socket, server: socket.socket, broken: threading.Event) -> None:
        with suppress(OSError):
            while sent := client.recv(65_536):
                if self.trigger and self.trigger in sent:
                    self.trigger = None
                    broken.set()
                server.sendall(sent)
        _end(server)


def _end(side: socket.socket) -> None:
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)


@contextmanager
def breaker() -> Iterator[tuple[Breaker, str]]:
    found = re.search(r"@([^:/@]+):(\d+)/", database_url())
    assert found is not None, os.environ["DATABASE_URL"]
    between = Breaker(found[1], int(found[2]))
    try:
        yield between, database_url().replace(found[0], f"@127.0.0.1:{between.port}/")
    finally:
        between.close()


@pytest.mark.parametrize(("trigger", "key", "written"), [(b"COMMIT", "k-1", 1), (b"a-receipt", None, 1)])
def test_a_lost_reply_to_commit_is_an_unknown_outcome(
    tmp_path: Path, trigger: bytes, key: str | None, written: int
) -> None:
    make_location("main")
    make_product("A-1")
    api_key = create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    headers = {"X-Api-Key": api_key, **({"Idempotency-Key": key} if key else {})}

    with breaker() as (between, url), web_server(tmp_path, DATABASE_URL=url) as server:
        # The level exists and every connection is open.
        first = httpx.post(f"{server.base_url}{ADJUSTMENTS}", json=RECEIPT, headers={"X-Api-Key": api_key}, timeout=60)
        between.trigger = trigger
        broken = httpx.post(f"{server.base_url}{ADJUSTMENTS}", json=RECEIPT, headers=headers, timeout=60)
        again = (
            httpx.post(f"{server.base_url}{ADJUSTMENTS}", json=RECEIPT, headers=headers, timeout=60) if key else None
        )

    assert (first.status_code, broken.status_code) == (201, 503)
    assert (broken.json()["code"], broken.headers["retry-after"]) == ("database_unavailable", "2")
    assert UNKNOWN in broken.json()["detail"]
    assert "may be repeated" in broken.json()["detail"]
    assert again is None or (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert StockMovement.objects.count() == 1 + written
    assert find_mismatches() == []


def test_a_failure_before_the_commit_wrote_nothing(tmp_path: Path) -> None:
    make_location("main")
    make_product("A-1")
    api_key = create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key
    headers = {"X-Api-Key": api_key, "Idempotency-Key": "k-1"}

    with breaker() as (between, url), web_server(tmp_path, DATABASE_URL=url) as server:
        httpx.post(f"{server.base_url}{ADJUSTMENTS}", json=RECEIPT, headers={"X-Api-Key": api_key}, timeout=60)
        between.trigger = b"api_idempotencykey"
        broken = httpx.post(f"{server.base_url}{ADJUSTMENTS}", json=RECEIPT, headers=headers, timeout=60)

    assert broken.status_code == 503
    assert broken.json()["detail"] == "The database did not answer; nothing was written."
    assert StockMovement.objects.count() == 1
