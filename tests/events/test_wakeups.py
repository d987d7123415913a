"""Wake-ups: cheap, coalescing, and never an obstacle."""

import time
from collections.abc import Iterator

import pytest
from celery import Celery, current_app
from django.db import transaction
from django_redis import get_redis_connection
from prometheus_client import REGISTRY
from redis import Redis

from pms_backend.events import services, wakeups
from pms_backend.events.wakeups import FLAG_SECONDS, WakeUp
from tests.events.examples import Lost, ThingHappened, feed, happen, lose
from tests.machine import is_within
from tests.outages import redis_down
from tests.waiting import wait_until

WAKE_UP = WakeUp(task="pms_backend.events.tasks.relay_events")


@pytest.fixture
def sent(monkeypatch) -> list[str]:
    """The tasks that were sent."""
    tasks: list[str] = []
    monkeypatch.setattr(current_app, "send_task", tasks.append)
    return tasks


@pytest.fixture
def redis_is_away() -> Iterator[None]:
    with redis_down():
        yield


def failures() -> float:
    return REGISTRY.get_sample_value("pms_redis_failures_total", {"use": "wake-up"}) or 0.0


def test_a_pending_wake_up_is_not_sent_again(sent):
    WAKE_UP.send()
    WAKE_UP.send()

    assert sent == ["pms_backend.events.tasks.relay_events"]


def test_after_its_task_has_begun_it_is_sent_again(sent):
    WAKE_UP.send()
    WAKE_UP.acknowledge()
    WAKE_UP.send()

    assert len(sent) == 2


def test_a_lost_task_suppresses_it_no_longer_than_its_flag(sent):
    WAKE_UP.send()

    assert 0 < get_redis_connection("default").pttl("pms:wake-up:" + WAKE_UP.task) <= FLAG_SECONDS * 1000


def test_wake_ups_of_tasks_are_independent(sent):
    WakeUp(task="one").send()
    WakeUp(task="two").send()

    assert sent == ["one", "two"]


@pytest.mark.django_db(transaction=True)
def test_it_is_sent_once_after_the_commit(sent):
    with transaction.atomic():
        WAKE_UP.send_after_commit()
        with transaction.atomic():
            WAKE_UP.send_after_commit()
        assert sent == []
        WAKE_UP.send_after_commit()
        assert len(transaction.get_connection().run_on_commit) == 1

    assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_it_is_not_sent_after_a_rollback(sent):
    with pytest.raises(Lost):
        lose(WAKE_UP.send_after_commit)

    assert sent == []


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_savepoint_does_not_suppress_it(sent):
    with transaction.atomic():
        with pytest.raises(Lost):
            lose(WAKE_UP.send_after_commit)
        WAKE_UP.send_after_commit()

    assert len(sent) == 1


@pytest.mark.django_db(transaction=True)
def test_recording_wakes_the_relay_which_acknowledges(sent):
    happen("a")
    happen("b")
    services.relay_pending()
    happen("c")

    assert sent == [services.relay_wake_up.task] * 2


def test_the_real_broker_gets_the_task_on_the_relays_queue():
    WAKE_UP.send()

    with Redis.from_url(current_app.conf.broker_url) as broker:
        assert broker.llen("relay") == 1
        assert broker.llen("default") == 0


@pytest.mark.usefixtures("redis_is_away")
def test_without_redis_it_is_logged_and_counted_and_never_raised(sent, caplog):
    before = failures()

    WAKE_UP.send()
    WAKE_UP.acknowledge()

    assert sent == []
    assert failures() - before == 2
    assert "was not sent, the sweep finds the work" in caplog.text


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis_is_away")
def test_without_redis_events_are_recorded_and_published():
    with transaction.atomic():
        services.record(ThingHappened(thing="a"))

    assert services.relay_pending() == 1
    assert feed() == [(1, "thing:a")]


def test_a_broker_that_is_away_holds_nobody_up(monkeypatch, caplog):
    away = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    away.conf.task_publish_retry = current_app.conf.task_publish_retry
    away.conf.broker_transport_options = current_app.conf.broker_transport_options
    monkeypatch.setattr(wakeups, "current_app", away)
    before, began = failures(), time.monotonic()

    WAKE_UP.send()

    assert is_within(time.monotonic() - began, 1)
    assert failures() - before == 1
    assert "was not sent, the sweep finds the work" in caplog.text


def test_one_that_is_sent_soon_is_sent_by_another_thread_and_again_after_its_task_has_begun(sent):
    wake_up = WakeUp(task="soon")
    wake_up.send_soon()
    wait_until(lambda: sent == ["soon"], "it is sent", seconds=10)

    wake_up.acknowledge()
    wake_up.send_soon()
    wait_until(lambda: sent == ["soon", "soon"], "it is sent again", seconds=10)


def test_many_that_are_sent_soon_are_few_round_trips(sent):
    def sets() -> int:
        return get_redis_connection("default").info("commandstats").get("cmdstat_set", {}).get("calls", 0)

    wake_up, before = WakeUp(task="often"), sets()
    for _ in range(1_000):
        wake_up.send_soon()
    wait_until(lambda: sent == ["often"], "it is sent", seconds=10)

    assert 1 <= sets() - before <= 100


def test_one_that_is_sent_soon_fails_nobody_while_redis_is_away_and_works_afterwards(sent):
    wake_up, before = WakeUp(task="away"), failures()
    with redis_down():
        wake_up.send_soon()
        wait_until(lambda: failures() > before, "the failure is counted", seconds=10)
    wake_up.send_soon()

    wait_until(lambda: sent == ["away"], "it is sent", seconds=10)


def test_a_sender_that_is_not_alive_is_replaced(sent):
    # In a forked process, the thread of its parent is not.
    wake_up = WakeUp(task="forked")
    wakeups._senders[wake_up] = wakeups._Sender(wake_up)

    wake_up.send_soon()

    wait_until(lambda: sent == ["forked"], "it is sent", seconds=10)
