"""Outgoing calls are spans, and tell the other side which trace they belong to."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pms_backend import outbound
from tests.outbound.servers import LocalServer, hanging_up, saying, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _allowed(settings) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]


def post(server: LocalServer) -> None:
    poster = outbound.Poster(url_of(server), bounds=outbound.PostBounds(connections=1, max_answer_bytes=10))
    poster.post(b"not-for-traces", {"Authorization": "not-for-traces"})


def call(server: LocalServer) -> None:
    bounds = outbound.ClientBounds(max_request_bytes=100, max_response_bytes=100)
    rate = outbound.TokenBucket(per_second=100, burst=10)
    client = outbound.Client(f"http://127.0.0.1:{server.port}", bounds=bounds, rate=rate)
    client.call("POST", "/not-for-traces", query=[("key", "not-for-traces")], body=b"not-for-traces")


def fetch(server: LocalServer) -> None:
    outbound.fetch(url_of(server), bounds=outbound.Bounds(max_bytes=100))


def url_of(server: LocalServer) -> str:
    return f"http://127.0.0.1:{server.port}/not-for-traces?key=not-for-traces"


@pytest.mark.parametrize(("send", "method"), [(post, "POST"), (call, "POST"), (fetch, "GET")])
def test_a_call_is_a_span_that_the_other_side_is_told(spans: InMemorySpanExporter, send, method: str):
    with serving(saying(b"not-for-traces", 200)) as server:
        send(server)

    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind.name, span.status.status_code.name) == (method, "CLIENT", "UNSET")
    assert dict(span.attributes) == {
        "http.request.method": method,
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "http.response.status_code": 200,
    }
    expected = ["00", f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"]
    assert [request.headers["traceparent"].split("-")[:3] for request in server.received] == [expected]


@pytest.mark.parametrize("send", [post, call, fetch])
def test_an_error_of_the_other_side_marks_the_span(spans: InMemorySpanExporter, send):
    with serving(saying(b"", 503)) as server:
        send(server)

    (span,) = spans.get_finished_spans()
    assert (span.status.status_code.name, span.attributes["error.type"]) == ("ERROR", "503")


@pytest.mark.parametrize("send", [post, call, fetch])
def test_a_call_without_an_answer_marks_the_span(spans: InMemorySpanExporter, send):
    with serving(hanging_up) as server, pytest.raises(outbound.Unreachable):
        send(server)

    (span,) = spans.get_finished_spans()
    assert (span.status.status_code.name, span.attributes["error.type"]) == ("ERROR", "RemoteProtocolError")


def test_each_redirect_is_a_span(spans: InMemorySpanExporter):
    with serving(saying(b"")) as last, serving(saying(b"", 302, Location=url_of(last))) as first:
        fetch(first)

    assert [span.attributes["server.port"] for span in spans.get_finished_spans()] == [first.port, last.port]


@pytest.mark.parametrize("send", [post, call, fetch])
def test_without_tracing_a_call_has_no_header_of_a_trace(send):
    with serving(saying(b"")) as server:
        send(server)

    assert ["traceparent" in request.headers for request in server.received] == [False]
