"""A backup is taken while everything runs, and restored elsewhere: nobody takes one history for the other."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest

from pms_backend.standalone.data_dir import read_json
from pms_backend.standalone.embedded import EmbeddedServers
from pms_backend.standalone.postgres_server import binary
from tests.flows.stack import ROOT, Stack
from tests.outbound.servers import LocalServer, Received, saying
from tests.sockets import Socket
from tests.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

# What a backup needs besides the database.
SECRETS: Final = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")
BEFORE, AFTER = 20, 10


class Writer(threading.Thread):
    """Adjusts a level and sends webhooks about another one, one after the other, until it is stopped."""

    def __init__(self, stack: Stack, adjusted: Mapping[str, str], reported: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self.acknowledged = 0
        self.webhooks: list[str] = []
        self._stack, self._adjusted, self._reported = stack, adjusted, reported
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.is_set():
            self._stack.call(
                "POST", "/inventory/adjustments/", json={**self._adjusted, "delta": 1, "reason": "receipt"}
            )
            self.acknowledged += 1
            name = f"backup-{len(self.webhooks)}"
            assert send(self._stack, self._reported, name) == 202
            self.webhooks.append(name)

    def stop(self) -> None:
        self._is_over.set()
        self.join()


def send(stack: Stack, level: Mapping[str, str], name: str) -> int:
    return stack.send("inventory.adjusted", {**level, "delta": 1}, webhook_id=name)


@pytest.fixture
def subscriber() -> Iterator[LocalServer]:
    subscriber = LocalServer(saying(b""))
    yield subscriber
    subscriber.stop()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[EmbeddedServers]:
    """Other servers than those that the backup is from."""
    with EmbeddedServers(tmp_path / "elsewhere", durable=False) as servers:
        yield servers


def test_a_restored_backup_is_whole_and_its_readers_begin_anew(
    tmp_path: Path, subscriber: LocalServer, elsewhere: EmbeddedServers
) -> None:
    old = Stack(tmp_path / "old")
    old.data_dir.parent.mkdir()
    old.start()
    try:
        adjusted, reported = (level_of(row) for row in old.call("GET", "/inventory/levels/")["results"][:2])
        start = {name: on_hand(old, level) for name, level in (("adjusted", adjusted), ("reported", reported))}
        client = orjson.loads(
            old.manage("create_api_client", "reader", "--scopes", "events:read,inventory:read").stdout
        )
        endpoint = {"url": f"http://127.0.0.1:{subscriber.port}/hook", "event_types": ["stock.changed"]}
        old.call("POST", "/webhooks/endpoints/", json=endpoint)
        writer = Writer(old, adjusted, reported)
        writer.start()
        wait_until(lambda: writer.acknowledged >= BEFORE, "writes before the backup")
        before = writer.acknowledged

        dump = dumped(old, tmp_path)

        after = writer.acknowledged
        wait_until(lambda: writer.acknowledged >= after + AFTER, "writes after the backup")
        writer.stop()
        old.wait_until_applied()
        lost = wait_until_delivered(old, subscriber)
        secrets = {name: read_json(old.data_dir / "environment.json")[name] for name in SECRETS}
    finally:
        old.stop()

    new = restored(dump, tmp_path, elsewhere, secrets)
    try:
        assert new.manage("audit_stock").returncode == 0
        wait_until(
            lambda: httpx.get(f"{new.quickstart['base_url']}/health/ready").json()["status"] == "ok", "readiness"
        )
        # Whatever was acknowledged before the backup began is in it.
        assert start["adjusted"] + before <= on_hand(new, adjusted) <= start["adjusted"] + after + 1
        assert_readers_begin_anew(new, client["api_key"], lost)
        assert_subscriber_sees_a_gap(new, subscriber, adjusted, lost)
        # The backup has the first ones.
        assert {send(new, reported, name) for name in writer.webhooks} == {200, 202}
        assert {send(new, reported, name) for name in writer.webhooks} == {200}
        new.wait_until_applied()
        assert on_hand(new, reported) == start["reported"] + len(writer.webhooks)
        assert new.manage("audit_stock").returncode == 0
    finally:
        new.stop()


def level_of(row: Mapping[str, Any]) -> dict[str, str]:
    return {"sku": row["sku"], "location": row["location"]}


def on_hand(stack: Stack, level: Mapping[str, str]) -> int:
    (row,) = stack.call("GET", "/inventory/levels/", params=level)["results"]
    return int(row["on_hand"])


def wait_until_delivered(stack: Stack, subscriber: LocalServer) -> int:
    """Waits until the subscriber has the newest event; returns its sequence."""
    newest: int = stack.call("GET", "/events/", params={"types": "stock.changed", "limit": 1})["next_after"]
    while (page := stack.call("GET", "/events/", params={"after": newest}))["results"]:
        newest = page["next_after"]
    wait_until(lambda: max(map(sequence_of, subscriber.received), default=0) >= newest, "webhooks")
    return newest


def sequence_of(received: Received) -> int:
    return int(orjson.loads(received.body)["sequence"])


def dumped(stack: Stack, directory: Path) -> Path:
    dump = directory / "pms.dump"
    run(binary("pg_dump"), "--format=custom", f"--file={dump}", stack.quickstart["database_url"])
    return dump


def restored(dump: Path, directory: Path, servers: EmbeddedServers, secrets: Mapping[str, str]) -> Stack:
    """A stack on the restored database, as the guide says."""
    run(binary("pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={servers.database_url}", dump)
    new = Stack(directory / "new")
    new.data_dir.parent.mkdir()
    new.environment |= {**secrets, "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    for command in ("migrate", "continue_after_restore", "audit_stock"):
        run(sys.executable, "manage.py", command, environment=new.environment)
    new.start()
    return new


def run(*command: object, environment: Mapping[str, str] = os.environ) -> None:
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def assert_readers_begin_anew(stack: Stack, key: str, lost: int) -> None:
    """Of the feed and of sockets, with a client of before the backup, at a sequence that the backup does not have."""
    url = f"{stack.quickstart['base_url']}/api/v1/events/"
    refused = httpx.get(url, params={"after": lost}, headers={"X-Api-Key": key})
    assert (refused.status_code, refused.json()["code"]) == (410, "sequence_expired")
    with Socket(stack.quickstart["ws_url"], {"X-Api-Key": key}) as socket:
        snapshot = socket.subscribe(all=True, after=lost)
    assert (snapshot["reset"], snapshot["sequence"] > lost) == (True, True)


def assert_subscriber_sees_a_gap(stack: Stack, subscriber: LocalServer, level: Mapping[str, str], lost: int) -> None:
    change = {**level, "delta": 1, "reason": "receipt", "reference": "after the restore"}
    stack.call("POST", "/inventory/adjustments/", json=change)
    wait_until(lambda: any(b"after the restore" in each.body for each in subscriber.received), "the webhook")
    later = [each for each in subscriber.received if sequence_of(each) > lost]
    (new,) = [each for each in later if b"after the restore" in each.body]

    # Neither are its sequences those of before: the first one names a forerunner that the subscriber does not have.
    assert min(orjson.loads(each.body)["previous_sequence"] for each in later) > lost
    same = [each for each in subscriber.received if each.headers["webhook-id"] == new.headers["webhook-id"]]
    assert len(same) == 1
    # What was not published or not delivered at the moment of the backup comes again, under its id and as it was.
    told: dict[str, Any] = {}
    for each in subscriber.received:
        data = orjson.loads(each.body)["data"]
        assert told.setdefault(each.headers["webhook-id"], data) == data
