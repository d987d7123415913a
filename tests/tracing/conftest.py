"""Traces in this process, whose spans are kept in memory."""

from collections.abc import Iterator

import pytest
from celery.signals import before_task_publish, task_postrun, task_prerun
from django.db import connection
from django.db.backends.signals import connection_created
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pms_backend import tracing
from pms_backend.metrics import traces


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch, settings) -> Iterator[InMemorySpanExporter]:
    """Starts tracing, and ends it after the test."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_started", [provider.get_tracer("tests")])
    for name in ("API_MIDDLEWARE", "MIDDLEWARE"):
        setattr(settings, name, ["pms_backend.tracing.TracingMiddleware", *getattr(settings, name)])
    tracing.start()
    tracing.trace_statements_of(connection=connection)
    yield exporter
    traces.use(None)
    connection.execute_wrappers.clear()
    connection_created.disconnect(tracing.trace_statements_of)
    before_task_publish.disconnect(tracing.add_carrier)
    task_prerun.disconnect(tracing.begin_task)
    task_postrun.disconnect(tracing.end_task)
