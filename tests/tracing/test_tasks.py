"""A task goes on in the trace of what has led to it."""

from collections.abc import Callable

import pytest
from celery import Celery
from celery.signals import before_task_publish
from django.db import connection
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pms_backend.api import context
from pms_backend.events import wakeups
from pms_backend.events.wakeups import WakeUp
from pms_backend.metrics import traces
from pms_integration.services.sync.leases import Lease, release
from tests.outbound.servers import LocalServer, saying, serving
from tests.waiting import wait_until
from tests.webhooks.out.delivering import make_endpoint, publish, send_all
from webhooks.services import sending
from webhooks.services.sending import send_due_deliveries

pytestmark = pytest.mark.django_db

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


# An application of their own, since tests look at all tasks of ours.
app = Celery("tests", set_as_current=False)


@app.task(shared=False)
def read() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return 1


@app.task(shared=False)
def fail() -> int:
    raise ValueError("not-for-traces")


def test_a_task_and_its_statements_are_spans_of_the_trace_that_sent_it(spans: InMemorySpanExporter):
    read.apply(headers={"traceparent": TRACEPARENT})

    statement, task = spans.get_finished_spans()
    assert (task.name, task.kind.name) == ("tests.tracing.test_tasks.read", "CONSUMER")
    assert f"{task.context.trace_id:032x}" == TRACE
    assert f"{task.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (statement.name, statement.parent.span_id) == ("SELECT", task.context.span_id)
    assert traces.carrier() == {}


@pytest.mark.parametrize("headers", [{}, {"traceparent": 7}])
def test_a_task_that_no_trace_has_led_to_has_no_span(spans: InMemorySpanExporter, headers: dict[str, int]):
    read.apply(headers=headers)

    assert spans.get_finished_spans() == ()


def test_a_failed_task_marks_its_span_without_the_text_of_the_error(spans: InMemorySpanExporter):
    fail.apply(headers={"traceparent": TRACEPARENT})

    (task,) = spans.get_finished_spans()
    assert task.status.status_code.name == "ERROR"
    assert "not-for-traces" not in task.to_json()
    assert traces.carrier() == {}


def test_a_message_has_the_place_in_the_trace(spans: InMemorySpanExporter):
    within, outside = {}, {}

    with traces.continued({"traceparent": TRACEPARENT}):
        before_task_publish.send("task", headers=within)
    before_task_publish.send("task", headers=outside)

    assert (within, outside) == ({"traceparent": TRACEPARENT}, {})


def test_a_wake_up_that_is_sent_soon_stays_in_the_trace(spans: InMemorySpanExporter, monkeypatch):
    sent = []
    monkeypatch.setattr(wakeups.WakeUp, "send", lambda _: sent.append(traces.carrier()))

    with traces.continued({"traceparent": TRACEPARENT}):
        WakeUp(task="traced").send_soon()

    wait_until(lambda: bool(sent))
    assert sent == [{"traceparent": TRACEPARENT}]


@pytest.mark.parametrize(
    "work",
    [
        lambda: WakeUp(task="traced").drain(lambda: 1, seconds=0.001),
        send_due_deliveries,
        lambda: release(lease=Lease(run_id=1, number=1)),
    ],
    ids=["relay", "deliveries", "sync"],
)
def test_work_that_is_left_over_leaves_the_trace_and_the_request(
    spans: InMemorySpanExporter, monkeypatch, work: Callable[[], object]
):
    monkeypatch.setattr(sending, "DRAIN_SECONDS", 0)
    sent = []
    monkeypatch.setattr(wakeups.WakeUp, "send", lambda _: sent.append((traces.carrier(), context.current())))

    with context.bind(actor="client:shop", request_id="order-4711"), traces.continued({"traceparent": TRACEPARENT}):
        work()

    assert sent == [({}, context.Context())]


@pytest.mark.django_db(transaction=True)
def test_the_calls_of_a_task_with_threads_stay_in_its_trace(spans: InMemorySpanExporter, settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with serving(saying(b""), keep_alive=True) as subscriber:
        make_endpoint(subscriber)
        publish("one", "two")

        with traces.continued({"traceparent": TRACEPARENT}):
            send_all()

    assert received_traces(subscriber) == [TRACE, TRACE]


def received_traces(subscriber: LocalServer) -> list[str]:
    return [request.headers["traceparent"].split("-")[1] for request in subscriber.received]
