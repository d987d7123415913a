"""Subscribers of every kind, while the workers that send to them are killed and Redis is flushed."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from redis import Redis

from pms_backend.events.services import relay_pending
from tests.events.examples import happen
from tests.faults.celery_processes import CeleryProcess, worker_and_beat
from tests.faults.subscriber_processes import KINDS, Subscriber, subscribers
from tests.waiting import wait_until
from tests.webhooks.out.delivering import make_endpoint, read
from webhooks.models import Delivery, WebhookEndpoint, unsettled

pytestmark = pytest.mark.django_db(transaction=True)

# Of events that are published at once.
BATCH = 50
# By which the worker may grow while it sends some thousand deliveries.
GROWTH_BYTES = 12 * 2**20


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Subscriber]]:
    """A process of each kind, and a second good one."""
    monkeypatch.setenv("OUTBOUND_ALLOW", "127.0.0.1")
    with subscribers(tmp_path, *KINDS, "good") as found:
        yield found


def endpoint_of(subscriber: Subscriber) -> WebhookEndpoint:
    endpoint = make_endpoint(subscriber.url, types=["thing.*"])
    subscriber.know(endpoint.secret)
    return endpoint


def settled() -> int:
    return Delivery.objects.exclude(next_attempt_at__isnull=False).count()


def retry(endpoint: WebhookEndpoint) -> None:
    """The pauses of an endpoint are over."""
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(next_try_at=None)
    with transaction.atomic():
        waiting = Delivery.objects.filter(endpoint=endpoint, status="pending").select_for_update(skip_locked=True)
        Delivery.objects.filter(pk__in=[each.pk for each in waiting]).update(next_attempt_at=timezone.now())


def end_leases() -> None:
    """The minute is over for which a killed worker had its deliveries."""
    Delivery.objects.filter(status="sending").update(next_attempt_at=timezone.now())


def has_all(endpoint: WebhookEndpoint) -> bool:
    return not unsettled(endpoint=endpoint).exists()


@pytest.mark.parametrize(("events", "kills"), [(300, 2), pytest.param(5_000, 10, marks=pytest.mark.slow)])
def test_the_good_ones_have_every_event_and_the_others_delay_nobody(
    running: list[Subscriber], tmp_path: Path, events: int, kills: int
):
    chance = random.Random(1)
    endpoints = {subscriber: endpoint_of(subscriber) for subscriber in running}
    by_kind = {subscriber.kind: endpoint for subscriber, endpoint in endpoints.items()}
    complete = [one for one in running if one.kind in ("good", "huge", "half")]

    with worker_and_beat(tmp_path, "deliveries") as worker:
        for number in range(0, events, BATCH):
            happen(*(str(number + position) for position in range(BATCH)))
            relay_pending()
            if number // BATCH % max(1, events // BATCH // kills) == 1:
                kill_at_work(worker, chance)
        wait_until(lambda: all(has_all(endpoints[one]) for one in complete if one.kind != "half"), seconds=300)
        # The others still have theirs before them: nobody has waited for them.
        assert all(unsettled(endpoint=by_kind[kind]).exists() for kind in ("slow", "hanging", "redirecting", "closing"))

        def half_has_all() -> bool:
            retry(by_kind["half"])
            return has_all(by_kind["half"])

        wait_until(half_has_all, seconds=300)
        # It would wait for the calls that hang.
        worker.kill()

    expected = list(Delivery.objects.filter(endpoint=by_kind["half"]).order_by("sequence").values_list("sequence"))
    assert len(expected) == events
    for subscriber in complete:
        assert_complete(subscriber, [sequence for (sequence,) in expected])
        # Of thousands that fail half the time, some fail ten times.
        expected_statuses = {"delivered", "failed"} if subscriber.kind == "half" else {"delivered"}
        assert set(endpoints[subscriber].deliveries.values_list("status", flat=True)) <= expected_statuses
    assert read(by_kind["gone"]).disabled_reason == "It has answered 410 Gone."
    assert all(read(endpoint).is_active for kind, endpoint in by_kind.items() if kind != "gone")
    assert all(read(by_kind[kind]).failures > 0 for kind in ("redirecting", "closing"))


def kill_at_work(worker: CeleryProcess, chance: random.Random) -> None:
    before = settled()
    wait_until(lambda: settled() > before, "the worker goes on")
    time.sleep(chance.uniform(0, 0.05))
    worker.kill()
    Redis.from_url(settings.REDIS_URL).flushall()
    end_leases()
    worker.start()


def assert_complete(subscriber: Subscriber, expected: list[int]) -> None:
    """Every event at least once, with a valid signature; again only as itself; and a chain without a hole."""
    received = subscriber.received()
    assert all(one["is_verified"] for one in received)
    by_id = {one["id"]: (one["sequence"], one["previous_sequence"]) for one in received}
    assert {(one["id"], one["sequence"], one["previous_sequence"]) for one in received} == {
        (name, *pair) for name, pair in by_id.items()
    }
    assert sorted(by_id.values()) == list(zip(expected, [None, *expected[:-1]], strict=True))


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_the_memory_of_the_worker_stays_flat(running: list[Subscriber], tmp_path: Path):
    for subscriber in running:
        endpoint_of(subscriber)
    good = WebhookEndpoint.objects.filter(url__endswith="/good/")

    def send(events: int) -> None:
        for _ in range(0, events, BATCH):
            happen(*(str(number) for number in range(BATCH)))
            relay_pending()
        wait_until(lambda: all(has_all(endpoint) for endpoint in good), seconds=300)

    with worker_and_beat(tmp_path, "deliveries") as worker:
        assert worker.process is not None
        send(2_000)
        before = resident_bytes(worker.process.pid)
        send(5_000)
        after = resident_bytes(worker.process.pid)
        worker.kill()

    assert after - before < GROWTH_BYTES, f"{before / 2**20:.0f} MiB, then {after / 2**20:.0f} MiB"
