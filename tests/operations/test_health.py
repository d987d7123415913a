"""`/health/live` and `/health/ready`."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from redis import Redis

from pms_backend.events import services as events
from pms_backend.events.models import Event, ParkedEvent
from pms_backend.operations import health
from pms_backend.operations.health import MAX_HEARTBEAT_AGE
from pms_backend.operations.models import Heartbeat
from pms_backend.operations.tasks import record_heartbeat
from pms_integration.models import PMSConnection
from tests.events.examples import ThingHappened
from tests.factories import make_connection

CHECKS = {"database", "redis", "migrations", "worker", "relay"}


@pytest.fixture
def beating(db) -> None:
    """The workers of all queues are at work."""
    for queue in settings.QUEUES:
        record_heartbeat(queue)


def asked(client: Client) -> tuple[int, dict[str, str], dict[str, str]]:
    """Returns the status of the response and of each check, and the details of those that failed."""
    response = client.get("/health/ready")
    body = response.json()
    assert response["Content-Type"] == "application/json"
    assert set(body) == {"status", "checks"}
    assert body["status"] == ("ok" if response.status_code == 200 else "failed")
    assert all(set(check) == {"status", "detail", "ms"} for check in body["checks"].values())
    found = {name: check["status"] for name, check in body["checks"].items()}
    details = {name: check["detail"] for name, check in body["checks"].items() if check["status"] == "failed"}
    return response.status_code, found, details


def test_live_needs_nothing(client: Client):
    response = client.get("/health/live")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_nothing_is_written_through_health(client: Client):
    assert client.post("/health/live").status_code == 405
    assert client.post("/health/ready").status_code == 405


@pytest.mark.usefixtures("beating")
def test_ready_where_everything_works(client: Client):
    assert asked(client) == (200, dict.fromkeys(CHECKS, "ok"), {})


@pytest.mark.django_db
def test_a_worker_that_was_never_seen_is_named(client: Client):
    for queue in set(settings.QUEUES) - {"relay"}:
        record_heartbeat(queue)

    status, found, details = asked(client)

    assert status == 503
    assert found == {**dict.fromkeys(CHECKS, "ok"), "relay": "failed"}
    assert details == {"relay": "relay has not been seen yet"}


@pytest.mark.usefixtures("beating")
@pytest.mark.parametrize("queue", sorted(set(settings.QUEUES) - {"relay"}))
def test_a_queue_with_an_old_heartbeat_is_named(client: Client, queue: str):
    age = MAX_HEARTBEAT_AGE + timedelta(seconds=1)
    Heartbeat.objects.filter(queue=queue).update(beat_at=timezone.now() - age)

    status, found, details = asked(client)

    assert status == 503
    assert found == {**dict.fromkeys(CHECKS, "ok"), "worker": "failed"}
    assert details == {"worker": f"{queue} was last seen {age.total_seconds():.0f} s ago"}


@pytest.mark.usefixtures("beating")
def test_every_queue_without_a_heartbeat_is_named(client: Client):
    Heartbeat.objects.filter(queue__in=["sync", "default"]).delete()

    assert asked(client)[2] == {"worker": "sync has not been seen yet; default has not been seen yet"}


@pytest.mark.usefixtures("beating")
def test_three_heartbeats_may_be_missed(client: Client):
    missed = timedelta(seconds=3 * settings.HEARTBEAT_SECONDS)
    Heartbeat.objects.update(beat_at=timezone.now() - missed)

    assert asked(client)[0] == 200


@pytest.mark.usefixtures("beating")
def test_parked_events_are_reported_and_are_no_failure(client: Client):
    with transaction.atomic():
        events.record(ThingHappened(thing="a"))
    ParkedEvent.objects.create(event=Event.objects.get(), receiver="tests", attempts=1)

    response = client.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["checks"]["relay"]["detail"].endswith("; parked events: 1")


@pytest.mark.usefixtures("beating")
def test_a_pms_that_cannot_be_reached_is_counted_and_is_no_failure(client: Client):
    url = {"base_url": "https://pms.example", "next_try_at": timezone.now()}
    for slug, state in (
        ("well", url),
        ("away", {**url, "circuit": "open", "failures": 5}),
        ("tried", {**url, "circuit": "half_open", "failures": 6}),
        ("unused", {**url, "circuit": "open", "is_active": False}),
    ):
        make_connection(slug)
        PMSConnection.objects.filter(slug=slug).update(**state)

    response = client.get("/health/ready")

    assert response.status_code == 200
    assert response.json()["checks"]["worker"]["detail"].endswith("; unreachable PMSs: 2")


@pytest.mark.usefixtures("beating")
def test_a_redis_that_is_away_is_named(client: Client, monkeypatch):
    monkeypatch.setattr(health, "get_redis_connection", lambda _: Redis.from_url("redis://127.0.0.1:1"))

    status, _, details = asked(client)

    assert (status, details) == (503, {"redis": "ConnectionError"})


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_named(client: Client, monkeypatch):
    with monkeypatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", "1")
        status, found, details = asked(client)
    connection.close()

    assert status == 503
    assert found == {**dict.fromkeys(CHECKS, "failed"), "redis": "ok"}
    assert set(details.values()) == {"OperationalError"}


@pytest.mark.usefixtures("beating")
def test_a_migration_that_is_not_applied_is_named(client: Client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'operations' AND name LIKE '0002%'")

    status, _, details = asked(client)

    assert status == 503
    assert details == {"migrations": "1 migrations are not applied, the first is operations.0002_roles"}


@pytest.mark.django_db
def test_a_heartbeat_renews_the_one_before():
    record_heartbeat("relay")
    first = Heartbeat.objects.get().beat_at
    record_heartbeat("relay")

    assert Heartbeat.objects.get().beat_at > first
