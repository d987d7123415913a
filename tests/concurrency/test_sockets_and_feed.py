"""Eight writers, a reader of the feed, and sockets that drop and resume: nobody misses anything."""

import random
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from inventory import services
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event, head_sequence
from pms_backend.operations.audit import find_mismatches
from tests.concurrency.threads import at_once
from tests.conftest import JSONClient
from tests.factories import make_location, make_product
from tests.sockets import Socket, SocketServer, relaying

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 8
SOCKETS = 4
SKUS = [f"A-{number}" for number in range(6)]
LOCATIONS = ["main", "back"]
PATIENCE_SECONDS = 300


class Watcher:
    """A socket that drops at random and resumes behind the largest sequence that it has seen."""

    def __init__(self, server: SocketServer, key: str, seed: int) -> None:
        self.server, self.key = server, key
        self.chance = random.Random(seed)
        # Two watch everything, two a part in two subscriptions.
        self.wanted = [{"all": True}] if seed % 2 else [{"skus": SKUS[:2]}, {"skus": SKUS[2:4], "locations": ["main"]}]
        self.levels: dict[tuple[str, str], dict] = {}
        self.sequence: int | None = None
        self.drops = 0

    def watch(self, is_over: Callable[[], int | None]) -> None:
        """Runs until it has received every change."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (end := is_over()) is None or (self.sequence or 0) < end:
            assert time.monotonic() < deadline, (self.sequence, end)
            with self.server.socket(self.key) as socket:
                self._resume(socket)
                self._listen(socket, is_over)
                self.levels, self.sequence = socket.levels, socket.sequence
            self.drops += 1

    def _resume(self, socket: Socket) -> None:
        socket.levels = self.levels
        after = {} if self.sequence is None else {"after": self.sequence}
        for wanted in self.wanted:
            socket.send(action="subscribe", **wanted, **after)
        for _ in self.wanted:
            assert "reset" not in socket.next("snapshot")

    def _listen(self, socket: Socket, is_over: Callable[[], int | None]) -> None:
        for _ in range(self.chance.randint(1, 200)):
            end = is_over()
            if end is not None and socket.sequence >= end:
                return
            # However quiet it is: a heartbeat comes.
            socket.receive()

    def wants(self, sku: str, location: str) -> bool:
        if len(self.wanted) == 1:
            return True
        return sku in SKUS[:2] or (sku in SKUS[2:4] and location == "main")


def read_feed(key: str, after: int, is_over: Callable[[], int | None]) -> list[dict]:
    """The feed in pieces, while it grows."""
    client, events = JSONClient(headers={"X-Api-Key": key}), []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (end := is_over()) is None or after < end:
        assert time.monotonic() < deadline
        page = client.get(f"/api/v1/events/?after={after}&limit=50").json()
        events += page["results"]
        after = page["next_after"]
    return events


def write(each: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(each):
        services.adjust_stock(sku=chance.choice(SKUS), location=chance.choice(LOCATIONS), delta=1, reason="receipt")


@pytest.mark.parametrize("each", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_the_feed_and_the_sockets_tell_everything_once_and_in_order(sockets: SocketServer, each: int) -> None:
    key = create_api_client(name="tests", scopes=ALL_SCOPES, tier="internal").api_key
    for code in LOCATIONS:
        make_location(code)
    for sku in SKUS:
        make_product(sku)
    start = head_sequence()
    written, ended = threading.Barrier(WRITERS), threading.Event()

    def is_over() -> int | None:
        # The feed up to here has everything that was written before.
        if not ended.is_set() or Event.objects.filter(sequence=None).exists():
            return None
        return head_sequence()

    def writer(seed: int) -> None:
        write(each, seed)
        written.wait(PATIENCE_SECONDS)
        ended.set()

    watchers = [Watcher(sockets, key, seed) for seed in range(SOCKETS)]
    jobs: list[Callable[[], object]] = [partial(writer, seed) for seed in range(WRITERS)]
    jobs += [partial(watcher.watch, is_over) for watcher in watchers]
    with relaying():
        results = at_once([*jobs, partial(read_feed, key, start, is_over)], seconds=PATIENCE_SECONDS)

    assert [result for result in results if isinstance(result, Exception)] == []
    feed = results[-1]
    assert [event["sequence"] for event in feed] == list(range(start + 1, head_sequence() + 1))
    assert sum(event["type"] == "stock.changed" for event in feed) == WRITERS * each
    assert len({event["id"] for event in feed}) == len(feed) == Event.objects.count()
    levels = JSONClient(headers={"X-Api-Key": key}).get("/api/v1/inventory/levels/?page_size=200").json()["results"]
    shown = {(level["sku"], level["location"]): level for level in levels}
    assert sum(level["on_hand"] for level in levels) == WRITERS * each
    for watcher in watchers:
        assert watcher.drops > 1
        assert watcher.levels == {key: level for key, level in shown.items() if watcher.wants(*key)}
    assert find_mismatches() == []
