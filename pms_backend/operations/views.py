"""The home page, health and metrics."""

import ipaddress
from dataclasses import asdict, replace
from secrets import compare_digest
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pms_backend.api.problems import Problem
from pms_backend.api.renderers import to_json
from pms_backend.api.views import only_reads, problem
from pms_backend.metrics.reading import registry_of_all_processes
from pms_backend.operations import health, measurements

# Prefixes of the headers that proxies add: behind a proxy on this machine, the address is not the client's.
PROXY_HEADERS: Final = (
    "forwarded", "via", "x-forward", "x-real-", "x-client-", "x-cluster-client", "client-ip", "true-client", "x-origin",
    "x-remote-", "x-proxy", "proxy-", "wl-proxy-", "max-forwards", "x-envoy-", "x-arr-", "x-amz", "x-azure-",
    "x-appengine-", "x-cloud-trace", "x-vercel-", "x-nf-", "cf-", "cdn-", "fastly-", "fly-", "do-connecting-",
    "akamai-",
)  # fmt: skip


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Shows the home page, with links for people."""
    return render(request, "operations/home.html")


@only_reads
def live(_: HttpRequest) -> HttpResponse:
    """Answers 200 as long as the process runs."""
    return HttpResponse(to_json({"status": "ok"}), content_type="application/json")


@only_reads
def ready(request: HttpRequest) -> HttpResponse:
    """Answers 503 if nothing works, otherwise 200, and names what does not work; only who may scrape is told why.

    It has no rate limit: all requests of a second share what was read in it.
    """
    results = health.run_checks()
    status = health.overall(results)
    if not _may_scrape(request):
        # They tell of backlogs, customers' servers and programs.
        results = {name: replace(result, detail="") for name, result in results.items()}
    body = {"status": status, "checks": {name: asdict(result) for name, result in results.items()}}
    code = 503 if status == health.FAILED else 200
    response = HttpResponse(to_json(body), status=code, content_type="application/json")
    # Django would log each 503, every few seconds while something is down. Its log_response reads this attribute.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


@only_reads
def metrics(request: HttpRequest) -> HttpResponse:
    """Answers in Prometheus's format to requests with METRICS_TOKEN; without one, to requests from this machine."""
    if not _may_scrape(request):
        return problem(Problem(403, "forbidden", "Metrics need METRICS_TOKEN as a bearer token."))
    text = generate_latest(registry_of_all_processes()) + generate_latest(measurements.REGISTRY)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


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
