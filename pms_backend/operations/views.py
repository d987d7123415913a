"""Health, metrics, and the way in."""

import ipaddress
import os
from dataclasses import asdict
from secrets import compare_digest
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from pms_backend.api.problems import Problem
from pms_backend.api.renderers import to_json
from pms_backend.api.views import problem
from pms_backend.operations import health

# How the names begin of what proxies add, of all kinds: a proxy on this machine speaks for others.
PROXY_HEADERS: Final = (
    "forwarded", "via", "x-forward", "x-real-", "x-client-", "x-cluster-client", "client-ip", "true-client", "x-origin",
    "x-remote-", "x-proxy", "proxy-", "wl-proxy-", "max-forwards", "x-envoy-", "x-arr-", "x-amz", "x-azure-",
    "x-appengine-", "x-cloud-trace", "x-vercel-", "x-nf-", "cf-", "cdn-", "fastly-", "fly-", "do-connecting-",
    "akamai-",
)  # fmt: skip


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The way in, for people."""
    return render(request, "operations/home.html")


@require_safe
def live(_: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse(to_json({"status": "ok"}), content_type="application/json")


@require_safe
def ready(_: HttpRequest) -> HttpResponse:
    """Whether everything works that this needs: 200 or 503."""
    findings = health.findings()
    is_ready = all(finding.status == "ok" for finding in findings.values())
    body = {
        "status": "ok" if is_ready else "failed",
        "checks": {name: asdict(finding) for name, finding in findings.items()},
    }
    response = HttpResponse(to_json(body), status=200 if is_ready else 503, content_type="application/json")
    # Asked every few seconds while something is down: whoever asks logs it.
    response._has_been_logged = True  # type: ignore[attr-defined]  # how Django's own log_response is told
    return response


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus's format; for whoever has METRICS_TOKEN, or comes from this machine where there is none."""
    if not _may_scrape(request):
        return problem(Problem(403, "forbidden", "Metrics need METRICS_TOKEN as a bearer token."))
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return compare_digest(sent.encode(), settings.METRICS_TOKEN.encode())
    if any(name.lower().startswith(PROXY_HEADERS) for name in request.headers):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
