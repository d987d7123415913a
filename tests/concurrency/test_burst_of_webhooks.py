"""A burst of signed webhooks, duplicated and shuffled, with two workers: none is refused, and the stock is right."""

import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import orjson
import pytest
from standardwebhooks import Webhook

from inventory.models import StockLevel
from pms_backend.access.services import create_api_client
from pms_backend.operations.audit import find_mismatches
from pms_integration.models import PMSConnection, PMSEvent
from tests.factories import make_connection, make_location, make_product
from tests.faults.celery_processes import CeleryProcess, worker_and_beat
from tests.sockets import Socket, SocketServer, relaying
from tests.waiting import wait_until
from tests.web_process import web_server

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

SKUS = [f"A-{number}" for number in range(50)]
SENDERS = 8
# Of a hundred messages so many are figures, and so many are sent again.
FIGURES, DUPLICATES = 5, 10
APPLIED_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Message:
    webhook_id: str
    type: str
    data: dict[str, object]
    moment: datetime


def make_messages(count: int, chance: random.Random) -> list[Message]:
    """One for each millisecond of the past, so that each has a moment of its own."""
    start = datetime.now(tz=UTC) - timedelta(milliseconds=2 * count)
    made = []
    for number in range(count):
        moment = start + timedelta(milliseconds=number)
        level = {"sku": chance.choice(SKUS), "location": "main", "occurred_at": moment.isoformat()}
        if chance.randrange(100) < FIGURES:
            made.append(
                Message(f"m-{number}", "inventory.updated", {**level, "on_hand": chance.randrange(500)}, moment)
            )
        else:
            delta = chance.choice([-2, -1, 1, 3])
            made.append(Message(f"m-{number}", "inventory.adjusted", {**level, "delta": delta}, moment))
    return made


def expected_stock(messages: Sequence[Message]) -> dict[str, int]:
    """The latest figure of each SKU, and its later changes."""
    stock: Counter[str] = Counter()
    for message in messages:
        sku = str(message.data["sku"])
        if message.type == "inventory.updated":
            stock[sku] = int(str(message.data["on_hand"]))
        else:
            stock[sku] += int(str(message.data["delta"]))
    return dict(stock)


def send(url: str, secret: str, messages: Sequence[Message]) -> Counter[int]:
    """Returns how many responses had which status."""
    signer, statuses = Webhook(secret), Counter[int]()
    with httpx.Client(timeout=60) as client:
        for message in messages:
            now = datetime.now(tz=UTC)
            body = orjson.dumps({"type": message.type, "timestamp": message.moment.isoformat(), "data": message.data})
            headers = {
                "webhook-id": message.webhook_id,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signer.sign(message.webhook_id, now, body.decode()),
            }
            statuses[client.post(url, content=body, headers=headers).status_code] += 1
    return statuses


@contextlib.contextmanager
def two_workers(directory: Path):
    second = CeleryProcess(
        "worker", "--queues=sync", "--pool=threads", "--concurrency=2", "--without-gossip", "--without-mingle",
        "--loglevel=ERROR", "--hostname=second@%h",
    )  # fmt: skip
    with worker_and_beat(directory), second:
        yield


@pytest.fixture
def pms() -> PMSConnection:
    for sku in SKUS:
        make_product(sku)
    return make_connection(owns=make_location("main"))


@pytest.mark.parametrize("count", [1_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_it_is_accepted_and_applied(pms: PMSConnection, sockets: SocketServer, tmp_path: Path, count: int) -> None:
    chance = random.Random(count)
    messages = make_messages(count, chance)
    sent = messages + chance.sample(messages, count * DUPLICATES // 100)
    chance.shuffle(sent)
    key = create_api_client(name="screen", scopes=["inventory:read"], tier="internal").api_key
    newest: dict[str, int] = {}

    def watch(socket: Socket) -> None:
        socket.subscribe(all=True)
        # However quiet it is: a heartbeat comes.
        while not newest or {sku: level["version"] for (sku, _), level in socket.levels.items()} != newest:
            socket.receive()

    # The default limits: a webhook that verifies is not counted.
    with (
        web_server(tmp_path, RATE_LIMITS="{}") as server,
        two_workers(tmp_path),
        relaying(),
        ThreadPoolExecutor(1) as watcher,
        # Closed before the watcher is waited for, so that a failure ends it too.
        sockets.socket(key) as socket,
    ):
        watching = watcher.submit(watch, socket)
        url = f"{server.base_url}/api/v1/webhooks/pms/{pms.slug}/"
        with ThreadPoolExecutor(SENDERS) as threads:
            parts = [sent[start::SENDERS] for start in range(SENDERS)]
            statuses = sum(threads.map(lambda part: send(url, pms.secret, part), parts), Counter[int]())
        wait_until(
            lambda: not PMSEvent.objects.filter(due_at__isnull=False).exists(),
            "all events are applied",
            seconds=APPLIED_SECONDS,
        )
        levels = {level.variant.sku: level for level in StockLevel.objects.select_related("variant")}
        newest.update({sku: level.version for sku, level in levels.items()})
        watching.result(timeout=APPLIED_SECONDS)

    assert statuses == {202: count, 200: len(sent) - count}
    assert {sku: level.on_hand for sku, level in levels.items()} == expected_stock(messages)
    assert {sku: level["on_hand"] for (sku, _), level in socket.levels.items()} == expected_stock(messages)
    assert set(PMSEvent.objects.values_list("status", flat=True)) <= {"processed", "ignored"}
    assert find_mismatches() == []
