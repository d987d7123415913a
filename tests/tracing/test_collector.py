"""What is sent to a collector, and what happens if it does not take it."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter

from pms_backend import tracing
from pms_backend.metrics import traces
from pms_backend.standalone.ports import free_port
from tests.collector import Collector
from tests.machine import is_within
from tests.outbound.servers import LocalServer

ROOT = Path(tracing.__file__).resolve().parents[1]
# Of a process as gunicorn starts it: the application, and a request.
PROCESS = """
import sys
from pms_backend.wsgi import application
from django.conf import settings
from django.test import RequestFactory
request = RequestFactory().get("/not-a-page", SERVER_NAME="localhost")
list(application(request.environ, lambda *_: None))
tracing = ("pms_backend.tracing", "opentelemetry.sdk.trace", "opentelemetry.exporter")
print([name for name in tracing if name in sys.modules])
print(settings.API_MIDDLEWARE[0], settings.MIDDLEWARE[0])
"""


def run(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROCESS], cwd=ROOT, env={**os.environ, "DATA_DIR": str(tmp_path), **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def send(exporter: SpanExporter) -> None:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_span("test")
    span.end()
    exporter.export([span])


@pytest.mark.slow
def test_without_an_endpoint_tracing_is_not_imported(tmp_path: Path):
    """redis-py imports OpenTelemetry's metrics by itself, wherever they are installed."""
    done = run(tmp_path)

    assert (done.stdout.splitlines()[0], done.returncode) == ("[]", 0), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "service"),
    [
        ({}, "pms"),
        ({"OTEL_SERVICE_NAME": "shop"}, "shop"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"}, "shop"),
    ],
)
def test_an_ending_process_sends_its_last_spans(tmp_path: Path, more: dict[str, str], service: str):
    collector = Collector()
    done = run(
        tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}/", PROGRAM="web", **more
    )  # fmt: skip
    collector.stop()

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == " ".join(["pms_backend.tracing.TracingMiddleware"] * 2)
    server = collector.spans()[-1]
    assert (server.name, server.program, server.service) == ("GET unmatched", "web", service)


@pytest.mark.slow
def test_a_collector_that_hangs_does_not_delay_the_end_of_a_process(tmp_path: Path):
    collector = LocalServer(lambda _: time.sleep(60))
    began = time.monotonic()
    done = run(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}")
    seconds = time.monotonic() - began
    collector.stop()

    assert (done.returncode, len(collector.received)) == (0, 1)
    # OpenTelemetry's own end waits 30 s.
    assert is_within(seconds, promised=20)


def test_a_collector_that_is_away_is_logged_once_by_all_processes(
    tmp_path: Path, settings, caplog: pytest.LogCaptureFixture
):
    settings.RUN_DIR = tmp_path
    settings.OTEL_EXPORTER_OTLP_ENDPOINT = f"http://127.0.0.1:{free_port()}"
    away = OTLPSpanExporter(endpoint=f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces", timeout=0.1)

    with caplog.at_level(logging.WARNING):
        for process in (tracing.QuietExporter(away), tracing.QuietExporter(away)):
            send(process)
            send(process)

    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("pms_backend.tracing", f"Spans could not be sent to {settings.OTEL_EXPORTER_OTLP_ENDPOINT} and are dropped.")
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Below the default size of a batch.
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"),
    ],
)
def test_a_variable_that_opentelemetry_refuses_stops_the_start_instead_of_requests(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured, match=rf"^OpenTelemetry does not accept .*\b{name}\b.*\): [^\n]+$"):
        tracing.start()

    assert traces.carrier() == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "10%"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_line_that_names_it(tmp_path: Path, name: str, value: str):
    done = run(tmp_path, **{name: value})

    assert done.returncode == 1
    assert f"ImproperlyConfigured: {name} must " in done.stderr.splitlines()[-1]
