"""Beat and a busy relay are seen although no task says so."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from pms_backend.celery import app
from pms_backend.events import services as events
from pms_backend.operations import receivers, services
from pms_backend.operations.beat import HeartbeatScheduler
from pms_backend.operations.heartbeats import last_seen
from pms_backend.operations.models import Heartbeat
from tests.events.examples import ThingHappened


def publish(callbacks: Any, thing: str) -> None:
    with transaction.atomic():
        events.record(ThingHappened(thing=thing))
    with callbacks(execute=True):
        events.relay_pending()


@pytest.mark.django_db
def test_a_relay_that_publishes_is_seen_once_a_second(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(receivers._Seen, "at", float("-inf"))

    publish(django_capture_on_commit_callbacks, "a")
    assert set(last_seen()) == {"relay"}

    yesterday = timezone.now() - timedelta(days=1)
    Heartbeat.objects.update(beat_at=yesterday)
    monkeypatch.setattr(receivers._Seen, "at", time.monotonic() + 1000)
    publish(django_capture_on_commit_callbacks, "b")
    assert Heartbeat.objects.get().beat_at == yesterday


def idle_beat() -> HeartbeatScheduler:
    """Beat without a file, which has nothing to send."""
    beat = HeartbeatScheduler(app=app, lazy=True)
    beat._store = {"entries": {}}
    return beat


@pytest.mark.django_db
def test_each_round_of_beat_is_a_heartbeat():
    idle_beat().tick()

    assert set(last_seen()) == {"beat"}


class TestThreads:
    """With the threads of production."""

    @pytest.fixture(autouse=True)
    def _reads_in_place(self) -> None:
        """Not here: it reads in threads of its own."""

    def test_a_database_that_hangs_does_not_stop_beat(self, monkeypatch):
        is_over, hangs = threading.Event(), threading.Event()

        def hang(**_: str) -> None:
            hangs.set()
            is_over.wait(20)

        monkeypatch.setattr(services, "record_heartbeat", hang)
        beat = idle_beat()

        for _ in range(2):
            beat.tick()
            assert hangs.wait(10)

        assert not is_over.is_set()
        is_over.set()
