"""A request and its statements are spans of one trace."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from inventory.models import Location
from pms_backend import tracing
from pms_backend.metrics import traces
from tests.conftest import JSONClient
from tests.factories import make_location, make_product

pytestmark = pytest.mark.django_db

ADJUSTMENTS = "/api/v1/inventory/adjustments/"
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def server_of(spans: InMemorySpanExporter) -> ReadableSpan:
    (server,) = [span for span in spans.get_finished_spans() if span.kind.name == "SERVER"]
    return server


def statements_of(spans: InMemorySpanExporter) -> list[str]:
    return [span.attributes["db.query.text"] for span in spans.get_finished_spans() if span.kind.name == "CLIENT"]


def run(view) -> HttpResponse:
    """A request whose view does something in the database."""

    def get_response(request: HttpRequest) -> HttpResponse:
        view()
        return HttpResponse()

    return tracing.TracingMiddleware(get_response)(RequestFactory().get("/health/live"))


def test_a_request_is_a_span_that_is_named_for_its_url_pattern(spans: InMemorySpanExporter, api: JSONClient):
    product = make_product("Mug", skus=["MUG"])

    response = api.get(f"/api/v1/products/{product.pk}/?search=not-for-traces", HTTP_X_REQUEST_ID="request-1")

    server = server_of(spans)
    assert response.status_code == 200
    assert server.name == "GET /api/v1/products/{id}/"
    assert dict(server.attributes) == {
        "http.request.method": "GET",
        "http.route": "/api/v1/products/{id}/",
        "http.response.status_code": 200,
        "pms.request_id": "request-1",
    }
    assert server.parent is None


def test_the_statements_of_a_request_are_below_it_without_their_parameters(
    spans: InMemorySpanExporter, api: JSONClient
):
    make_product("Mug", skus=["NOT-FOR-TRACES"])
    make_location("main")

    api.post(ADJUSTMENTS, {"sku": "NOT-FOR-TRACES", "location": "main", "delta": 3, "reason": "receipt"})

    server = server_of(spans)
    below = [span for span in spans.get_finished_spans() if span is not server]
    assert {(span.context.trace_id, span.parent.span_id) for span in below} == {
        (server.context.trace_id, server.context.span_id)
    }
    # Which is prepared.
    assert any("INSERT INTO inventory_stockmovement" in statement for statement in statements_of(spans))
    assert max(map(len, statements_of(spans))) <= 2_000
    assert "NOT-FOR-TRACES" not in str([span.to_json() for span in spans.get_finished_spans()])


def test_a_client_that_traces_sees_the_request_in_its_own_trace(spans: InMemorySpanExporter, api: JSONClient):
    api.get("/api/v1/products/", HTTP_TRACEPARENT=TRACEPARENT)

    server = server_of(spans)
    assert f"{server.context.trace_id:032x}" == TRACE
    assert f"{server.parent.span_id:016x}" == "b7ad6b7169203331"


@pytest.mark.parametrize("sent", ["", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", TRACEPARENT * 100])
def test_a_wrong_traceparent_begins_a_trace(spans: InMemorySpanExporter, api: JSONClient, sent: str):
    response = api.get("/api/v1/products/", HTTP_TRACEPARENT=sent)

    assert (response.status_code, server_of(spans).parent) == (200, None)


def test_a_trace_that_the_client_does_not_sample_has_no_spans(spans: InMemorySpanExporter, api: JSONClient):
    api.get("/api/v1/products/", HTTP_TRACEPARENT=TRACEPARENT[:-1] + "0")

    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize(("status", "failed"), [(204, "UNSET"), (404, "UNSET"), (500, "ERROR"), (503, "ERROR")])
def test_an_error_of_ours_marks_the_span(spans: InMemorySpanExporter, status: int, failed: str):
    tracing.TracingMiddleware(lambda _: HttpResponse(status=status))(RequestFactory().get("/"))

    assert server_of(spans).status.status_code.name == failed


def test_a_statement_that_fails_marks_its_span_without_the_values_of_the_error(spans: InMemorySpanExporter):
    Location.objects.create(code="not-for-traces", name="not-for-traces")

    def view() -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Location.objects.create(code="not-for-traces", name="not-for-traces")

    run(view)

    (failed,) = [span for span in spans.get_finished_spans() if span.status.status_code.name == "ERROR"]
    assert failed.attributes["error.type"] == "IntegrityError"
    assert "not-for-traces" not in str([span.to_json() for span in spans.get_finished_spans()])


def test_the_spans_of_the_statements_of_a_request_are_limited(spans: InMemorySpanExporter, monkeypatch):
    monkeypatch.setattr(tracing, "MAX_STATEMENTS", 2)

    def view() -> None:
        with connection.cursor() as cursor:
            for number in range(3):
                cursor.execute(f"SELECT {number}")

    run(view)

    assert statements_of(spans) == ["SELECT 0", "SELECT 1"]


def test_a_statement_outside_of_a_trace_has_no_span(spans: InMemorySpanExporter):
    make_product("Mug")

    assert spans.get_finished_spans() == ()


def test_a_part_of_the_work_can_leave_the_trace(spans: InMemorySpanExporter):
    carriers = []

    def view() -> None:
        carriers.append(traces.carrier())
        with traces.continued({}):
            carriers.append(traces.carrier())
        carriers.append(traces.carrier())

    run(view)

    within, outside, after = carriers
    assert within["traceparent"].split("-")[2] == f"{server_of(spans).context.span_id:016x}"
    assert (outside, after) == ({}, within)
