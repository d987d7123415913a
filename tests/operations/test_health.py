"""`/health/live` and `/health/ready`."""

import re
import socket
import time
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from redis import Redis

from pms_backend.events import services as events
from pms_backend.events.models import Event, ParkedEvent
from pms_backend.operations import health, services
from pms_backend.operations.bounded_reading import FRESH_SECONDS
from pms_backend.operations.heartbeats import MAX_AGE_SECONDS, RECOVERY_SECONDS
from pms_backend.operations.models import Heartbeat
from pms_backend.operations.tasks import record_heartbeat
from pms_integration.models import PMSConnection, PMSEvent
from tests.events.examples import ThingHappened
from tests.factories import make_connection, store_webhook
from webhooks.models import WebhookEndpoint
from webhooks.schedule import BREAKS_AFTER

CHECKS = {
    "database", "redis", "migrations", "worker", "relay", "beat", "storage", "inbox", "deliveries", "imports",
    "circuits", "monitor",
}  # fmt: skip
WORKERS = set(settings.QUEUES) - {"relay"}
LONG_AGO = timedelta(days=1)


@pytest.fixture(autouse=True)
def _servers_have_answered_for_long() -> None:
    """No outage of PostgreSQL or Redis has ended just now, and nothing is known of before."""
    for reading in (health.DATABASE, health.REDIS):
        reading._answering_since = time.monotonic() - RECOVERY_SECONDS - 1
        reading.last_value = None


@pytest.fixture
def beating(db) -> None:
    """Beat, the monitor and the workers of all queues have been at work since yesterday."""
    for name in ("beat", "monitor", *settings.QUEUES):
        record_heartbeat(name)
    Heartbeat.objects.update(steady_since=timezone.now() - LONG_AGO)


def fall_silent(*names: str, seconds: float = MAX_AGE_SECONDS + 1) -> None:
    """These were seen last so many seconds ago."""
    Heartbeat.objects.filter(name__in=names).update(beat_at=timezone.now() - timedelta(seconds=seconds))


def asked(client: Client) -> tuple[int, dict[str, str], dict[str, str]]:
    """Returns the status of the response, and of each check that is not ok the status and the detail.

    A detail has N for each number of seconds, which a busy machine makes longer.
    """
    response = client.get("/health/ready")
    body = response.json()
    assert response["Content-Type"] == "application/json"
    assert set(body) == {"status", "checks"}
    assert set(body["checks"]) == CHECKS
    assert all(set(check) == {"status", "detail", "ms"} for check in body["checks"].values())
    wrong = {name: check for name, check in body["checks"].items() if check["status"] != "ok"}
    assert (body["status"] == "ok") == (not wrong)
    assert (body["status"] == "failed") == (response.status_code == 503)
    statuses = {name: check["status"] for name, check in wrong.items()}
    details = {name: re.sub(r"\d+ s\b", "N s", check["detail"]) for name, check in wrong.items()}
    return response.status_code, statuses, details


def test_live_needs_nothing(client: Client):
    response = client.get("/health/live")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_nothing_is_written_through_health(client: Client):
    assert client.post("/health/live").status_code == 405
    assert client.post("/health/ready").status_code == 405


@pytest.mark.usefixtures("beating")
def test_ready_where_everything_works(client: Client):
    assert asked(client) == (200, {}, {})


@pytest.mark.usefixtures("beating")
def test_no_detail_names_a_version(client: Client):
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]

    assert version.split()[0] not in client.get("/health/ready").content.decode()


@pytest.mark.usefixtures("beating")
@pytest.mark.parametrize(
    ("token", "asked_with"),
    [
        ("", {"REMOTE_ADDR": "203.0.113.9"}),
        ("", {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}),
        ("the-token", {}),
        ("the-token", {"HTTP_AUTHORIZATION": "Bearer another"}),
    ],
)
def test_strangers_are_told_statuses_and_no_details(client: Client, settings, token: str, asked_with: dict[str, str]):
    settings.METRICS_TOKEN = token
    fall_silent("relay")

    checks = client.get("/health/ready", **asked_with).json()["checks"]

    assert {name: check["status"] for name, check in checks.items()} == {
        **dict.fromkeys(CHECKS, "ok"),
        "relay": "failed",
    }
    assert {check["detail"] for check in checks.values()} == {""}
    assert all(set(check) == {"status", "detail", "ms"} for check in checks.values())


@pytest.mark.usefixtures("beating")
def test_who_has_the_token_of_metrics_is_told_details(client: Client, settings):
    settings.METRICS_TOKEN = "the-token"

    response = client.get("/health/ready", REMOTE_ADDR="203.0.113.9", HTTP_AUTHORIZATION="Bearer the-token")

    assert response.json()["checks"]["database"]["detail"] == "it answers"


@pytest.mark.usefixtures("beating")
def test_a_relay_that_was_never_seen_is_named_and_the_rest_serves(client: Client):
    Heartbeat.objects.filter(name="relay").delete()

    assert asked(client) == (200, {"relay": "failed"}, {"relay": "relay has not been seen yet"})


@pytest.mark.usefixtures("beating")
@pytest.mark.parametrize("queue", sorted(WORKERS))
def test_a_queue_with_an_old_heartbeat_is_named(client: Client, queue: str):
    fall_silent(queue)

    assert asked(client) == (200, {"worker": "failed"}, {"worker": f"{queue} was last seen N s ago"})


@pytest.mark.usefixtures("beating")
def test_every_queue_without_a_heartbeat_is_named(client: Client):
    Heartbeat.objects.filter(name__in=["sync", "default"]).delete()

    assert asked(client)[2] == {"worker": "sync has not been seen yet; default has not been seen yet"}


@pytest.mark.usefixtures("beating")
def test_three_heartbeats_may_be_missed(client: Client):
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(seconds=3 * settings.HEARTBEAT_SECONDS))

    assert asked(client) == (200, {}, {})


@pytest.mark.usefixtures("beating")
def test_workers_without_beat_are_unknown_and_those_that_are_seen_are_not(client: Client):
    fall_silent("beat", "pms")

    _, statuses, details = asked(client)

    assert statuses == {"beat": "failed", "worker": "unknown"}
    assert details["beat"] == "beat was last seen N s ago"


@pytest.mark.usefixtures("beating")
def test_workers_that_grow_old_together_with_beat_are_unknown(client: Client):
    fall_silent(*settings.QUEUES)
    fall_silent("beat", seconds=MAX_AGE_SECONDS - 2)

    assert asked(client)[1] == {"worker": "unknown", "relay": "unknown"}


@pytest.mark.usefixtures("beating")
def test_workers_are_unknown_until_beat_has_been_back_for_a_while(client: Client):
    fall_silent("relay")
    back = timezone.now() - timedelta(seconds=RECOVERY_SECONDS)
    Heartbeat.objects.filter(name="beat").update(steady_since=back + timedelta(seconds=5))
    assert asked(client)[1] == {"relay": "unknown"}

    Heartbeat.objects.filter(name="beat").update(steady_since=back)
    assert asked(client)[1] == {"relay": "failed"}


@pytest.mark.usefixtures("beating")
@pytest.mark.parametrize("server", ["DATABASE", "REDIS"])
def test_old_heartbeats_say_nothing_just_after_an_outage(client: Client, server: str):
    fall_silent("beat", *settings.QUEUES)
    getattr(health, server)._answering_since = time.monotonic()

    assert asked(client)[1] == {"beat": "unknown", "worker": "unknown", "relay": "unknown"}


@pytest.mark.usefixtures("beating")
def test_parked_events_are_reported_and_are_no_failure(client: Client):
    with transaction.atomic():
        events.record(ThingHappened(thing="a"))
    ParkedEvent.objects.create(event=Event.objects.get(), receiver="tests", attempts=1)

    response = client.get("/health/ready")

    assert response.json()["status"] == "ok"
    assert response.json()["checks"]["relay"]["detail"].endswith("; parked events: 1")


@pytest.mark.usefixtures("beating")
def test_a_relay_that_publishes_late_is_degraded(client: Client):
    with transaction.atomic():
        events.record(ThingHappened(thing="a"))
    Event.objects.update(occurred_at=timezone.now() - timedelta(seconds=31))

    assert asked(client) == (200, {"relay": "degraded"}, {"relay": "the oldest of 1 has waited for N s"})


@pytest.mark.usefixtures("beating")
def test_a_monitor_that_is_not_seen_is_degraded_and_nothing_else_is(client: Client):
    fall_silent("monitor")

    assert asked(client) == (200, {"monitor": "degraded"}, {"monitor": "monitor was last seen N s ago"})


@pytest.mark.usefixtures("beating")
def test_webhooks_that_are_applied_late_are_degraded(client: Client):
    store_webhook(connection=make_connection(), webhook_id="1", type="x", body=b"{}")
    PMSEvent.objects.update(due_at=timezone.now() - timedelta(seconds=61))

    assert asked(client) == (200, {"inbox": "degraded"}, {"inbox": "the oldest of 1 has waited for N s"})


@pytest.mark.usefixtures("beating")
def test_what_others_do_not_answer_is_counted_and_is_no_failure(client: Client):
    url = {"base_url": "https://pms.example", "next_try_at": timezone.now()}
    for slug, state in (
        ("well", url),
        ("away", {**url, "circuit": "open", "failures": 5}),
        ("tried", {**url, "circuit": "half_open", "failures": 6}),
        ("unused", {**url, "circuit": "open", "is_active": False}),
    ):
        make_connection(slug)
        PMSConnection.objects.filter(slug=slug).update(**state)
    for failures in (BREAKS_AFTER - 1, BREAKS_AFTER):
        WebhookEndpoint.objects.create(url="https://x.example/", event_types=["*"], secret="s", failures=failures)

    detail = "unreachable PMSs: 2; endpoints that fail: 1"
    assert asked(client) == (200, {"circuits": "degraded"}, {"circuits": detail})


@pytest.mark.usefixtures("beating")
def test_a_redis_that_is_away_is_named_and_what_needs_it_is_unknown(client: Client, monkeypatch):
    fall_silent("beat", "relay")
    monkeypatch.setattr(health, "get_redis_connection", lambda _: Redis.from_url("redis://127.0.0.1:1"))

    status, statuses, details = asked(client)

    assert (status, statuses) == (
        200,
        {"redis": "failed", "worker": "unknown", "relay": "unknown", "beat": "unknown"},
    )
    assert details["redis"] == "failing for N s: ConnectionError"


@pytest.mark.usefixtures("beating")
def test_a_redis_that_is_slow_for_a_moment_has_not_failed(client: Client, monkeypatch):
    asked(client)
    # It accepts, as the kernel does for a process that is stopped, and says nothing.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(health, "get_redis_connection", lambda _: Redis.from_url(url, socket_timeout=0.05))

        assert asked(client) == (200, {}, {})
        # Whenever it was asked for the first time since then.
        health.REDIS._succeeded_at = time.monotonic() - health.TOLERATED_SECONDS - FRESH_SECONDS
        status, statuses, details = asked(client)

    assert (status, statuses) == (200, {"redis": "failed", "worker": "unknown", "relay": "unknown"})
    assert details["redis"] == "no answer for N s"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_named_and_all_that_reads_it_is_unknown(client: Client, monkeypatch):
    with monkeypatch.context() as patch:
        connection.close()
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", "1")
        status, statuses, details = asked(client)
    connection.close()

    assert status == 503
    assert statuses == {**dict.fromkeys(CHECKS - {"redis", "storage"}, "unknown"), "database": "failed"}
    assert details.pop("database") == "failing for N s: OperationalError"
    assert set(details.values()) == {"the database does not answer"}


@pytest.mark.usefixtures("beating")
def test_a_migration_that_is_not_applied_is_named(client: Client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'operations' AND name LIKE '0002%'")

    status, statuses, details = asked(client)

    assert (status, statuses["migrations"]) == (503, "failed")
    assert details["migrations"] == "1 migrations are not applied, the first is operations.0002_roles"
    assert statuses["worker"] == "unknown"


@pytest.mark.usefixtures("beating")
def test_a_storage_that_takes_no_file_is_named(client: Client, monkeypatch):
    monkeypatch.setattr(default_storage, "location", "/proc/nowhere", raising=False)
    monkeypatch.setattr(default_storage, "path", lambda name: f"/proc/nowhere/{name}", raising=False)

    assert asked(client)[1] == {"storage": "failed"}


def test_trying_the_storage_leaves_nothing():
    services.try_storage()

    assert default_storage.listdir("health") == ([], [])


@pytest.fixture
def programs() -> Path:
    """What the supervisor writes about the programs' ends."""
    path = Path(settings.RUN_DIR, "programs.json")
    yield path
    path.unlink(missing_ok=True)


def write_ends(path: Path, **ended_ago: float) -> None:
    ends = {name: {"restarts": 1, "ended_at": time.time() - ago, "end": "was killed by SIGKILL"}
            for name, ago in ended_ago.items()}  # fmt: skip
    path.write_bytes(orjson.dumps({"programs": ends}))


@pytest.mark.usefixtures("beating")
def test_a_restart_is_told_for_a_while(client: Client, programs: Path):
    write_ends(programs, relay=1, pms=2, sync=3, web=1, beat=16)
    fall_silent("relay")

    text = "{} was killed by SIGKILL N s ago and is restarted"
    assert asked(client) == (
        200,
        {"relay": "degraded", "worker": "degraded"},
        {"relay": text.format("relay"), "worker": f"{text.format('pms')}; {text.format('sync')}"},
    )


@pytest.mark.usefixtures("beating")
@pytest.mark.parametrize("server", ["postgres", "redis"])
def test_old_heartbeats_say_nothing_after_a_restart_that_nobody_saw(client: Client, programs: Path, server: str):
    write_ends(programs, **{server: 20})
    fall_silent("relay")

    assert asked(client)[1] == {"relay": "unknown"}


@pytest.mark.usefixtures("beating")
def test_a_worker_that_ended_with_its_redis_is_no_outage_of_its_own(client: Client, programs: Path):
    write_ends(programs, redis=3, sync=2, sockets=2)

    assert asked(client)[1] == {"redis": "degraded"}


@pytest.mark.usefixtures("beating")
def test_a_damaged_list_of_programs_tells_nothing(client: Client, programs: Path):
    programs.write_text("{")

    assert asked(client) == (200, {}, {})


@pytest.mark.django_db
def test_a_heartbeat_renews_the_one_before_and_a_gap_begins_a_new_series():
    record_heartbeat("relay")
    first = Heartbeat.objects.get()
    record_heartbeat("relay")
    second = Heartbeat.objects.get()
    fall_silent("relay")
    record_heartbeat("relay")
    third = Heartbeat.objects.get()

    assert second.beat_at > first.beat_at
    assert second.steady_since == first.steady_since
    assert third.steady_since == third.beat_at
