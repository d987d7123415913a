"""`GET /metrics`, for requests that may read it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client, TestCase
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from pms_backend.events.models import Event, ParkedEvent
from pms_backend.operations import health, measurements
from pms_backend.standalone.programs import CONNECTIONS
from pms_integration import services
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import apply, figure, receive

pytestmark = pytest.mark.django_db

METRICS = "/metrics"


@pytest.fixture
def token(settings) -> str:
    settings.METRICS_TOKEN = "the-token"
    return settings.METRICS_TOKEN


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_without_a_token_this_machine_may_ask(client: Client, address: str):
    assert client.get(METRICS, REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["10.0.0.1", "203.0.113.9", "2001:db8::1", ""])
def test_without_a_token_nobody_else_may(client: Client, address: str):
    response = client.get(METRICS, REMOTE_ADDR=address)

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
        "X-Forwarded-Server", "X-Forwarded-Anything", "X-Forwarded", "Forwarded", "Forwarded-For", "Via", "X-Real-IP",
        "CF-Connecting-IP", "CF-Ray", "CDN-Loop", "True-Client-IP", "X-Client-IP", "Client-IP", "X-Cluster-Client-IP",
        "X-Original-Forwarded-For", "X-Originating-IP", "X-Original-Host", "X-Remote-IP", "X-Remote-Addr",
        "X-ProxyUser-Ip", "Proxy-Client-IP", "WL-Proxy-Client-IP", "Proxy-Connection", "Max-Forwards",
        "X-Envoy-External-Address", "X-ARR-SSL", "X-Amzn-Trace-Id", "X-Amz-Cf-Id", "X-Azure-ClientIP",
        "X-Appengine-User-IP", "Fastly-Client-IP", "Fly-Client-IP", "DO-Connecting-IP",
    ],
)  # fmt: skip
def test_a_proxy_on_this_machine_is_refused(client: Client, header: str):
    for value in ("127.0.0.1", ""):
        response = client.get(METRICS, REMOTE_ADDR="127.0.0.1", headers={header: value})

        assert (response.status_code, response.json()["code"]) == (403, "forbidden")


def test_the_headers_of_scrapers_are_not_those_of_a_proxy(client: Client):
    sent = {
        "Host": "localhost", "User-Agent": "Prometheus/3.1", "Accept": "text/plain", "Accept-Encoding": "gzip",
        "X-Prometheus-Scrape-Timeout-Seconds": "10", "X-Request-Id": "r-1", "Connection": "close",
    }  # fmt: skip

    assert client.get(METRICS, REMOTE_ADDR="127.0.0.1", headers=sent).status_code == 200


def test_a_token_counts_behind_a_proxy_too(client: Client, token: str):
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9", "Via": "1.1 proxy"}

    assert client.get(METRICS, REMOTE_ADDR="127.0.0.1", headers=headers).status_code == 200


def test_with_a_token_every_address_may_ask(client: Client, token: str):
    assert client.get(METRICS, REMOTE_ADDR="10.0.0.1", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("sent", ["", "Bearer ", "Bearer wrong", "Bearer the-token2", "Bearer ä", "Basic the-token"])
def test_with_a_token_nobody_else_may_not_even_this_machine(client: Client, token: str, sent: str):
    assert client.get(METRICS, REMOTE_ADDR="127.0.0.1", HTTP_AUTHORIZATION=sent).status_code == 403


def test_what_is_counted_is_shown(client: Client):
    client.get("/health/live")

    response = client.get(METRICS)

    families = {family.name: family for family in text_string_to_metric_families(response.content.decode())}
    assert response["Content-Type"].startswith("text/plain")
    assert {"pms_http_requests", "pms_http_request_seconds", "pms_redis_failures"} <= set(families)
    assert any(
        sample.labels == {"route": "/health/live", "method": "GET", "status": "2xx", "tier": "anonymous"}
        and sample.value >= 1
        for sample in families["pms_http_requests"].samples
    )


def test_a_method_that_nobody_knows_makes_no_label_of_its_own(client: Client):
    client.generic("BREW", "/health/live")

    methods = {sample.labels["method"] for sample in samples(client) if sample.name == "pms_http_requests_total"}

    assert "OTHER" in methods
    assert "BREW" not in methods


def samples(client: Client) -> Iterator[Sample]:
    for family in text_string_to_metric_families(client.get(METRICS).content.decode()):
        yield from family.samples


def test_the_lag_of_the_oldest_due_event_is_measured_for_each_connection(client: Client, settings):
    pms = make_connection("late")
    make_connection("idle")
    receive(pms, "inventory.adjusted", {})
    PMSEvent.objects.update(due_at=timezone.now() - timedelta(seconds=90))

    lag = {s.labels["connection"]: s.value for s in samples(client) if s.name == "pms_oldest_due_event_seconds"}

    assert 90 <= lag["late"] < 90 + 60
    assert lag["idle"] == 0


def test_levels_that_differ_are_counted_for_each_connection(client: Client):
    make_product()
    make_location("main")
    for slug, on_hand in (("agreeing", 5), ("differing", 7)):
        apply(make_connection(slug), "inventory.updated", figure(on_hand, minute=-1))
    set_stock("A-1", "main", 5)

    counted = {s.labels["connection"]: s.value for s in samples(client) if s.name == "pms_stock_differences"}

    assert (counted["agreeing"], counted["differing"]) == (0, 1)


def test_events_are_counted_by_connection_type_and_status(client: Client):
    pms = make_connection("counted")
    receive(pms, "weather.changed", {})
    with TestCase.captureOnCommitCallbacks(execute=True):
        services.apply_due_events()

    counted = [s for s in samples(client) if s.name == "pms_events_total" and s.labels["connection"] == "counted"]
    labels = {"connection": "counted", "type": "unknown", "status": "ignored"}
    assert [(s.labels, s.value) for s in counted] == [(labels, 1)]


def values_of(client: Client, name: str) -> dict[str, float]:
    """The values of a metric by its one label; by an empty text if it has none."""
    return {next(iter(s.labels.values()), ""): s.value for s in samples(client) if s.name == name}


def test_what_waits_in_the_queues_is_measured(client: Client):
    receive(make_connection("late"), "inventory.adjusted", {})
    PMSEvent.objects.update(due_at=timezone.now() - timedelta(seconds=90))

    lags, waiting = values_of(client, "pms_queue_lag_seconds"), values_of(client, "pms_queue_waiting")

    assert set(lags) == {"relay", "inbox", "deliveries", "imports", "pushes"}
    assert 90 <= lags["inbox"] < 90 + 60
    assert (waiting["inbox"], waiting["imports"]) == (1, 0)


def test_what_needs_people_is_counted(client: Client):
    make_product("A-1")
    pms = make_connection("down")
    PMSConnection.objects.filter(pk=pms.pk).update(
        circuit="open", base_url="https://pms.example/", next_try_at=timezone.now()
    )
    receive(pms, "inventory.adjusted", {})
    PMSEvent.objects.update(status=PMSEventStatus.DEAD, due_at=None, processed_at=timezone.now())
    ParkedEvent.objects.create(event=Event.objects.first(), receiver="tests.receiver")

    assert values_of(client, "pms_pms_events_dead") == {"": 1}
    assert values_of(client, "pms_events_parked") == {"": 1}
    assert values_of(client, "pms_circuits_open") == {"pms": 1, "endpoint": 0}
    assert values_of(client, "pms_endpoints_failing") == {"": 0}
    assert values_of(client, "pms_sync_runs_held") == {"": 0}


def connected_as(name: str) -> "psycopg.Connection[Any]":
    parameters = connection.get_connection_params()
    return psycopg.connect(
        **{key: parameters[key] for key in ("host", "port", "dbname", "user", "password") if key in parameters},
        application_name=name,
    )


def test_connections_to_the_database_are_counted_by_program(client: Client):
    with connected_as("pms relay"), connected_as("psql"):
        counted = values_of(client, "pms_database_connections")

    assert counted["relay"] >= 1
    assert counted["other"] >= 1
    assert set(counted) <= {*CONNECTIONS, "monitor", "command", "other"}
    assert values_of(client, "pms_database_connections_allowed")[""] >= sum(counted.values())


def test_a_check_is_1_or_0_and_missing_if_it_is_unknown(client: Client, monkeypatch: pytest.MonkeyPatch):
    results = {"database": "ok", "relay": "failed", "circuits": "degraded", "beat": "unknown"}
    found = {name: health.CheckResult(status, "") for name, status in results.items()}
    monkeypatch.setattr(health, "run_checks", lambda: found)

    assert values_of(client, "pms_check_ok") == {"database": 1, "relay": 0, "circuits": 0}


def test_restarts_are_those_of_the_supervisor(client: Client, settings, tmp_path):
    settings.RUN_DIR = tmp_path
    assert values_of(client, "pms_program_restarts_total") == {}

    programs = {"relay": {"restarts": 3, "ended_at": None, "end": ""}}
    (tmp_path / "programs.json").write_bytes(orjson.dumps({"programs": programs}))

    assert values_of(client, "pms_program_restarts_total") == {"relay": 3}


def test_what_the_database_does_not_say_is_left_out_and_the_rest_is_there(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    def fail() -> None:
        raise OperationalError("the database is away")

    for reading in (health.DATABASE, measurements.MEASURED, measurements.SLOWLY_MEASURED):
        monkeypatch.setattr(reading, "read", fail)

    names = {sample.name for sample in samples(client)}

    assert {"pms_check_ok", "pms_http_requests_total"} <= names
    assert not {"pms_queue_lag_seconds", "pms_pms_events_dead", "pms_stock_differences"} & names
    assert values_of(client, "pms_check_ok")["database"] == 0
