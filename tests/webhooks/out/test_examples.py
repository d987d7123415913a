"""The receivers of docs/examples/ apply every event once and in order, whatever happens to the webhooks."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django.live_server_helper import LiveServer

from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event
from tests.architecture.sources import ROOT
from tests.events.examples import OtherHappened
from tests.outbound.servers import LocalServer, Received
from tests.webhooks.out.delivering import make_endpoint, publish, send_all

pytestmark = pytest.mark.django_db(transaction=True)

EXAMPLES = ROOT / "docs/examples"
MAX_LINES = 40


def python() -> list[str]:
    return [sys.executable, str(EXAMPLES / "receive_webhooks.py")]


def node() -> list[str]:
    """Its path; without it, or without the package, there is nothing to test with."""
    found = shutil.which("node")
    if found is None or not (EXAMPLES / "node_modules/standardwebhooks").exists():
        reason = (
            "There is no node, or `npm ci --prefix docs/examples` was not run: the receiver in JavaScript is left out "
            "(REQUIRE_NODE=1 makes this an error)."
        )
        if os.environ.get("REQUIRE_NODE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return [found, str(EXAMPLES / "receive_webhooks.js")]


@dataclass
class Receiver:
    """A receiver, which keeps what it knows in a directory of its own."""

    command: list[str]
    directory: Path
    environment: dict[str, str]

    def start(self) -> None:
        environment = {"PATH": os.environ["PATH"], "PORT": "0", **self.environment}
        self.process = subprocess.Popen(
            self.command, cwd=self.directory, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/"

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()

    def post(self, webhook: Received, **changes: str) -> int:
        headers = {**webhook.headers, **changes}
        return httpx.post(self.url, content=webhook.body, headers=headers, timeout=30).status_code

    def applied(self) -> list[tuple[str, int]]:
        """The ids and sequences, in the order in which they were applied."""
        database = self.directory / "applied.db"
        if database.exists():
            with sqlite3.connect(database) as connection:
                return connection.execute("SELECT id, sequence FROM applied ORDER BY rowid").fetchall()
        lines = (self.directory / "applied.jsonl").read_text().splitlines()
        return [(row["id"], row["sequence"]) for row in map(json.loads, lines)]


@pytest.fixture(params=[python, node])
def receiver(
    request: pytest.FixtureRequest, live_server: LiveServer, subscriber: LocalServer, tmp_path: Path
) -> Iterator[Receiver]:
    command: Callable[[], list[str]] = request.param
    endpoint = make_endpoint(subscriber, types=["thing.*"])
    key = create_api_client(name="subscriber", scopes=["events:read"]).api_key
    environment = {
        "WEBHOOK_SECRET": endpoint.secret,
        "EVENTS_URL": f"{live_server.url}/api/v1/events/?types=thing.*",
        "API_KEY": key,
    }
    made = Receiver(command(), tmp_path, environment)
    made.start()
    yield made
    made.stop()


def webhooks(subscriber: LocalServer, *things: str) -> list[Received]:
    """The webhooks of things that happen now, in the order of the feed, as we send them."""
    subscriber.received.clear()
    for thing in things:
        publish(thing)
        publish(thing, kind=OtherHappened)
    send_all()
    return sorted(subscriber.received, key=lambda one: json.loads(one.body)["sequence"])


def expected() -> list[tuple[str, int | None]]:
    return [(event.public_id, event.sequence) for event in Event.objects.filter(type="thing.happened").order_by("id")]


def test_each_event_is_applied_once_and_in_order_under_duplicates_gaps_and_reordering(
    receiver: Receiver, subscriber: LocalServer
):
    chance = random.Random(1)
    for webhook in webhooks(subscriber, "first"):
        assert receiver.post(webhook) == 204

    for number in range(8):
        sent = webhooks(subscriber, *(f"{number}-{position}" for position in range(6)))
        kept = [webhook for webhook in sent if chance.random() > 0.3]
        arriving = kept + [webhook for webhook in kept if chance.random() > 0.5]
        chance.shuffle(arriving)
        assert {receiver.post(webhook) for webhook in arriving} <= {204}
        if number == 4:
            receiver.stop()
            receiver.start()
    for webhook in webhooks(subscriber, "last"):
        assert receiver.post(webhook) == 204

    assert len(expected()) == 1 + 8 * 6 + 1
    assert receiver.applied() == expected()


def test_what_was_missed_while_the_endpoint_was_disabled_is_read_from_the_feed(
    receiver: Receiver, subscriber: LocalServer
):
    [first] = webhooks(subscriber, "first")
    receiver.post(first)
    webhooks(subscriber, "missed", "missed too")
    [last] = webhooks(subscriber, "last")

    assert receiver.post(last) == 204
    assert receiver.applied() == expected()


def test_an_event_that_comes_after_its_successors_is_applied(receiver: Receiver, subscriber: LocalServer):
    first, second = webhooks(subscriber, "a", "b")
    assert (receiver.post(second), receiver.post(first)) == (204, 204)

    assert sorted(receiver.applied()) == sorted(expected())


def test_what_does_not_verify_is_refused_and_not_applied(receiver: Receiver, subscriber: LocalServer):
    first, second = webhooks(subscriber, "a", "b")
    changes: list[dict[str, Any]] = [
        {"webhook-signature": second.headers["webhook-signature"]},
        {"webhook-id": "evt_1000000"},
        {"webhook-timestamp": "1"},
    ]

    assert [receiver.post(first, **change) for change in changes] == [401, 401, 401]
    assert receiver.post(second) == 204
    assert [sequence for _, sequence in receiver.applied()] == [json.loads(second.body)["sequence"]]


@pytest.mark.parametrize("name", ["receive_webhooks.py", "receive_webhooks.js"])
def test_a_receiver_has_forty_lines(name: str):
    lines = [line for line in (EXAMPLES / name).read_text().splitlines() if line.strip()]

    assert len(lines) <= MAX_LINES
    assert f"examples/{name}" in (ROOT / "docs/webhooks.md").read_text()
