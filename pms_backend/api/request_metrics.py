"""Counts each request: by its route, method, class of status and tier; and the error with which it is answered."""

import functools
import re
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pms_backend import metrics
from pms_backend.api import context
from pms_backend.api.problems import Problem
from pms_backend.metrics.bounded import MAX_LABEL_SETS, Counter, Histogram

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
# Paths that no URL pattern takes, and requests that are refused before the patterns are looked at.
UNMATCHED: Final = "unmatched"
STATIC: Final = "static"
ANONYMOUS: Final = "anonymous"
STAFF: Final = "staff"


def count_response(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Counts a response, inside the context of its request."""
    match = request.resolver_match
    route = _unmatched(request.path) if match is None else match.route
    method = request.method if request.method in METHODS else "OTHER"
    counter, histogram = _series(route, method, response.status_code // 100, _tier_of(request))
    counter.inc()
    histogram.observe(seconds)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        metrics.errors_total.labels(*_error_of(response)).inc()


@functools.lru_cache(maxsize=MAX_LABEL_SETS)
def _series(route: str, method: str, status: int, tier: str) -> tuple[Counter, Histogram]:
    """The two series, found in one call: each request of the thousand in a second counts in both."""
    route = route if route in (UNMATCHED, STATIC) else readable_route(route)
    counter = metrics.requests_total.labels(route, method, f"{status}xx", tier)
    return counter, metrics.request_seconds.labels(route, method)


def readable_route(route: str) -> str:
    """The route of a URL pattern as documentation writes it: `/api/v1/products/{id}/`; `admin` for all of its pages."""
    if route.startswith("admin/"):
        return "admin"
    return _PARAMETER.sub(r"{\1}", simplify_regex(route)).replace("{pk}", "{id}")


_PARAMETER: Final = re.compile(r"<(?:[^>:]+:)?(\w+)>")


def _unmatched(path: str) -> str:
    # Whitenoise answers before the URL patterns are looked at.
    return STATIC if path.startswith(settings.STATIC_URL) else UNMATCHED


def _tier_of(request: HttpRequest) -> str:
    # What DRF's authentication has found; the admin has none.
    caller: Any = getattr(request, "auth", None)
    if caller is not None:
        tier: str = caller.audience
        return tier
    return STAFF if context.current().actor.startswith("user:") else ANONYMOUS


def _error_of(response: HttpResponseBase) -> tuple[metrics.Layer, str]:
    problem: Problem | None = getattr(response, "problem", None)
    if problem is None:
        # A page of the admin.
        return metrics.Layer.ROUTE, HTTPStatus(response.status_code).name.lower()
    return problem.layer, problem.code
