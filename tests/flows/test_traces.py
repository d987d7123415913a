"""One trace from a client's write to the subscriber that hears of it, through real processes and a real collector."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector import Collector, SentSpan
from tests.flows.stack import Stack
from tests.outbound.servers import LocalServer, Received, saying
from tests.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.slow]

RELAY, DELIVERIES = "pms_backend.events.tasks.relay_events", "webhooks.tasks.send_deliveries"
SERVER, CLIENT, CONSUMER = 2, 3, 5
# A sweep that is faster than the wake-up makes a trace end there, which is frequent on a busy machine.
WRITES = 100
QUIET_SECONDS = 3
FAILURE = "Spans could not be sent to"


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture
def subscriber() -> Iterator[LocalServer]:
    subscriber = LocalServer(saying(b""))
    yield subscriber
    subscriber.stop()


@pytest.fixture
def stack(tmp_path: Path, collector: Collector) -> Iterator[Stack]:
    stack = Stack(tmp_path)
    stack.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    stack.start()
    yield stack
    stack.stop()


def adjust(stack: Stack, trace_id: str) -> None:
    """One write, as a client makes it that traces its own requests."""
    url = f"{stack.quickstart['base_url']}/api/v1/inventory/adjustments/?note=not-for-traces"
    level = stack.call("GET", "/inventory/levels/")["results"][0]
    body = {"sku": level["sku"], "location": level["location"], "delta": 1, "reason": "receipt", "reference": trace_id}
    headers = {"X-Api-Key": stack.quickstart["api_key"], "traceparent": f"00-{trace_id}-{'b' * 16}-01"}
    assert stack.http.post(url, json=body, headers=headers).status_code == 201


def test_a_write_its_statements_its_tasks_and_its_webhook_are_one_trace(
    stack: Stack, collector: Collector, subscriber: LocalServer
) -> None:
    endpoint = {"url": f"http://127.0.0.1:{subscriber.port}/hook", "event_types": ["stock.changed"]}
    stack.call("POST", "/webhooks/endpoints/", json=endpoint)
    wait_until_quiet(subscriber)

    received = next(filter(None, (written(stack, subscriber) for _ in range(WRITES))))

    trace_id = trace_of(received)
    # Those of the tasks come last.
    wait_until(lambda: {RELAY, DELIVERIES} <= {span.name for span in of_trace(collector, trace_id)})
    wait_until(lambda: SERVER in {span.kind for span in of_trace(collector, trace_id)})
    assert_whole(of_trace(collector, trace_id), received)
    assert not [span for span in collector.spans() if "not-for-traces" in str(span)]


def wait_until_quiet(subscriber: LocalServer) -> None:
    """The sample data is published first, and its webhooks take the wake-ups of others."""
    before = -1
    while before < len(subscriber.received):
        before = len(subscriber.received)
        time.sleep(QUIET_SECONDS)


def written(stack: Stack, subscriber: LocalServer) -> Received | None:
    """Writes once; returns the webhook that the subscriber got of it, if it belongs to the trace of the write."""
    trace_id = secrets.token_hex(16)
    adjust(stack, trace_id)
    wait_until(lambda: bool(webhooks_of(subscriber, trace_id)), "the webhook")
    (received,) = webhooks_of(subscriber, trace_id)
    return received if trace_of(received) == trace_id else None


def webhooks_of(subscriber: LocalServer, reference: str) -> list[Received]:
    return [each for each in subscriber.received if reference.encode() in each.body]


def trace_of(received: Received) -> str:
    return received.headers["traceparent"].split("-")[1]


def of_trace(collector: Collector, trace_id: str) -> list[SentSpan]:
    return [span for span in collector.spans() if span.trace_id == trace_id]


def assert_whole(spans: list[SentSpan], received: Received) -> None:
    by_id = {span.span_id: span for span in spans}
    call = by_id[received.headers["traceparent"].split("-")[2]]
    deliveries = by_id[call.parent_id]
    relay = by_id[deliveries.parent_id]
    server = by_id[relay.parent_id]
    statements = [span for span in spans if "db.query.text" in span.attributes]

    assert (call.program, call.kind, call.name) == ("deliveries", CLIENT, "POST")
    assert (deliveries.program, deliveries.kind, deliveries.name) == ("deliveries", CONSUMER, DELIVERIES)
    assert (relay.program, relay.kind, relay.name) == ("relay", CONSUMER, RELAY)
    assert (server.program, server.kind, server.name) == ("web", SERVER, "POST /api/v1/inventory/adjustments/")
    assert (server.parent_id, server.attributes["http.response.status_code"]) == ("b" * 16, 201)
    assert {server.span_id, relay.span_id, deliveries.span_id} <= {span.parent_id for span in statements}
    # The statement of an adjustment, which is prepared.
    assert any("inventory_stockmovement" in str(span.attributes["db.query.text"]) for span in statements)
    assert not [span.name for span in spans if span.is_failed]


def test_a_collector_that_hangs_is_logged_once_and_delays_nothing(stack: Stack, collector: Collector) -> None:
    collector.respond = lambda _: time.sleep(60)

    for _ in range(20):
        adjust(stack, secrets.token_hex(16))

    wait_until(lambda: FAILURE in stack.log.read_text(), "the log")
    time.sleep(QUIET_SECONDS)
    assert stack.log.read_text().count(FAILURE) == 1
    # The fixture stops the stack, which must not wait for the collector either.
