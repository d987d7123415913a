"""Traces by OpenTelemetry, sent to a collector over OTLP/HTTP (docs/adr/0028).

Imported only where OTEL_EXPORTER_OTLP_ENDPOINT is set.
"""

import atexit
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse
from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pms_backend.api.log_repeats import Repeats
from pms_backend.api.routes import route_of
from pms_backend.metrics import traces

logger = logging.getLogger(__name__)

MAX_STATEMENT_LENGTH: Final = 2_000
# Statements under one request or task that get a span: a task may work for minutes.
MAX_STATEMENTS: Final = 1_000
# How long an ending process waits for the collector to take its last spans.
LAST_SPANS_SECONDS: Final = 1.0
FAILURE_LOG_SECONDS: Final = 60.0
# The only header that is read and sent: `tracestate` would carry one client's data to another.
_HEADER: Final = "traceparent"

_propagator: Final = TraceContextTextMapPropagator()
_statements: ContextVar[Iterator[int]] = ContextVar("statements")
# The span of the running task, and what ends it.
_running_task: ContextVar[tuple[Span, Any] | None] = ContextVar("running_task", default=None)


def start() -> None:
    """Starts tracing in this process and in those that it forks; called once, when the apps are ready.

    Raises `ImproperlyConfigured` if OpenTelemetry does not accept one of its environment variables.
    """
    _check_variables()
    traces.use(OpenTelemetryTracer())
    connection_created.connect(trace_statements_of)
    before_task_publish.connect(add_carrier)
    task_prerun.connect(begin_task)
    task_postrun.connect(end_task)


class OpenTelemetryTracer:
    """Spans of outgoing calls, and the place in the trace."""

    @contextmanager
    def call_span(
        self, method: str, host: str, port: int | None, headers: MutableMapping[str, str]
    ) -> Iterator[Callable[[int], None]]:
        """A client span; an exception, or a status from 400 on, marks it as failed."""
        attributes: dict[str, str | int] = {"http.request.method": method, "server.address": host}
        if port is not None:
            attributes["server.port"] = port
        with _span(method, SpanKind.CLIENT, attributes) as span:
            _propagator.inject(headers)
            yield lambda status: _set_status(span, status, failed_from=400)

    def carrier(self) -> dict[str, str]:
        """The headers of a message of this trace."""
        headers: dict[str, str] = {}
        _propagator.inject(headers)
        return {_HEADER: headers[_HEADER]} if headers else {}

    @contextmanager
    def continued(self, carrier: Mapping[str, str]) -> Iterator[None]:
        """Goes on in the trace of the carrier; in none if that is empty."""
        token = context.attach(_context_of(carrier.get(_HEADER, "")))
        try:
            yield
        finally:
            context.detach(token)


class TracingMiddleware:
    """The span of a request, named for its URL pattern. A client's `traceparent` makes it part of the client's trace.

    The first of all middleware, so that its span includes theirs.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        parent = _context_of(request.headers.get(_HEADER, ""))
        method = request.method or ""
        token = _statements.set(iter(range(MAX_STATEMENTS)))
        try:
            with _span(method, SpanKind.SERVER, {"http.request.method": method}, parent) as span:
                response = self.get_response(request)
                route = route_of(request)
                span.update_name(f"{method} {route}")
                span.set_attribute("http.route", route)
                span.set_attribute("pms.request_id", response.headers.get("X-Request-Id", ""))
                _set_status(span, response.status_code, failed_from=500)
                return response
        finally:
            _statements.reset(token)


@contextmanager
def _span(
    name: str, kind: SpanKind, attributes: Mapping[str, str | int], parent: context.Context | None = None
) -> Iterator[Span]:
    """The current span within the block. Of an exception only the class is told: its text may repeat values."""
    span = _tracer().start_span(name, parent, kind, attributes)
    token = context.attach(set_span_in_context(span, parent))
    try:
        yield span
    except BaseException as error:
        _set_failed(span, type(error).__name__)
        raise
    finally:
        context.detach(token)
        span.end()


def _set_status(span: Span, status: int, *, failed_from: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= failed_from:
        _set_failed(span, str(status))


def _set_failed(span: Span, error: str) -> None:
    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR)


def _context_of(traceparent: str) -> context.Context:
    return _propagator.extract({_HEADER: traceparent}, context.Context())


# --- SQL --------------------------------------------------------------------------------------------------------------


def trace_statements_of(*, connection: Any, **_: Any) -> None:
    """Each statement of each cursor passes a connection's wrappers, those of prepared statements too."""
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


def _execute(execute: Callable[..., Any], sql: Any, *arguments: Any) -> Any:
    """Executes a statement in a span, if it belongs to a request or task that is traced."""
    if not get_current_span().is_recording() or next(_statements.get(iter(())), None) is None:
        return execute(sql, *arguments)
    statement = str(sql).strip()
    operation = statement.split(maxsplit=1)[0].upper() if statement else ""
    attributes = {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        # Without its parameters.
        "db.query.text": statement[:MAX_STATEMENT_LENGTH],
    }
    with _span(operation, SpanKind.CLIENT, attributes):
        return execute(sql, *arguments)


# --- Celery -----------------------------------------------------------------------------------------------------------


def add_carrier(*, headers: dict[str, Any], **_: Any) -> None:
    """Sends the place in the trace with a task."""
    headers.update(traces.carrier())


def begin_task(*, task: Any, **_: Any) -> None:
    """A task that a trace has led to has a span; one that beat starts every few seconds has none."""
    sent = (task.request.headers or {}).get(_HEADER)
    if not isinstance(sent, str):
        return
    parent = _context_of(sent)
    attributes = {"messaging.system": "celery", "pms.program": settings.PROGRAM}
    span = _tracer().start_span(task.name, parent, SpanKind.CONSUMER, attributes)
    _running_task.set((span, context.attach(set_span_in_context(span, parent))))
    _statements.set(iter(range(MAX_STATEMENTS)))


def end_task(*, state: str | None = None, **_: Any) -> None:
    """Ends the span of a task, if it has one."""
    running = _running_task.get()
    if running is None:
        return
    span, token = running
    _running_task.set(None)
    context.detach(token)
    if state == "FAILURE":
        _set_failed(span, "task_failed")
    span.end()


# --- The collector ----------------------------------------------------------------------------------------------------


class QuietExporter(SpanExporter):
    """Sends spans, and says once a minute, for all processes of the machine, if that fails.

    The exporter within is silenced in LOGGING: it logs each of its attempts.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._repeats = Repeats(settings.RUN_DIR)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends a batch; gives up after the exporter's timeout."""
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._log_failure()
        return result

    def shutdown(self) -> None:
        """Ends the exporter within."""
        self._exporter.shutdown()

    def _log_failure(self) -> None:
        now = time.monotonic()
        with self._repeats.of(f"{__name__} failure") as repeat:
            # A time further ahead was written before the machine restarted.
            if now < repeat.quiet_until <= now + FAILURE_LOG_SECONDS:
                return
            repeat.quiet_until = now + FAILURE_LOG_SECONDS
        logger.warning("Spans could not be sent to %s and are dropped.", settings.OTEL_EXPORTER_OTLP_ENDPOINT)


_lock: Final = threading.Lock()
_started: list[Tracer] = []


def _tracer() -> Tracer:
    """The process's tracer, started at its first span: the thread that sends spans would not survive a fork."""
    if not _started:
        with _lock:
            if not _started:
                _started.append(_start_tracer())
    return _started[0]


def _check_variables() -> None:
    """Makes what the first span will need, since an error there would be one of the request."""
    try:
        _make_provider().shutdown()
    except Exception as error:
        names = ", ".join(sorted(name for name in os.environ if name.startswith("OTEL_")))
        raise ImproperlyConfigured(f"OpenTelemetry does not accept one of its variables ({names}): {error}") from None


def _start_tracer() -> Tracer:
    provider = _make_provider()
    atexit.register(_send_last_spans, provider)
    return provider.get_tracer("pms_backend")


def _make_provider() -> TracerProvider:
    instance = f"{socket.gethostname()}/{settings.PROGRAM or 'command'}"
    attributes = {"service.name": "pms", "service.instance.id": instance, "pms.program": settings.PROGRAM}
    # What the environment says (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES) wins.
    resource = Resource.create(attributes).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(QuietExporter(OTLPSpanExporter())))
    return provider


def _send_last_spans(provider: TracerProvider) -> None:
    """Waits a moment only, since the SDK would wait for half a minute if the collector hangs."""
    thread = threading.Thread(target=provider.shutdown, name="last spans", daemon=True)
    thread.start()
    thread.join(LAST_SPANS_SECONDS)
