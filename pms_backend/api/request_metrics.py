"""Counts each request: by its route, method, class of status and tier; and the error with which it is answered."""

import functools
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from pms_backend import metrics
from pms_backend.api.problems import Problem
from pms_backend.metrics.bounded import MAX_LABEL_SETS, Counter, Histogram

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_ERROR: Final = HTTPStatus.BAD_REQUEST.value
_REASONS: Final = {status.value: status.name.lower() for status in HTTPStatus}


def count_response(request: HttpRequest, response: HttpResponseBase, route: str, tier: str, seconds: float) -> None:
    """Counts the response to a request; `route` and `tier` are those of `pms_backend.api.routes`."""
    method = request.method if request.method in METHODS else "OTHER"
    counter, histogram = _series(route, method, response.status_code // 100, tier)
    counter.inc()
    histogram.observe(seconds)
    if response.status_code >= _ERROR:
        metrics.errors_total.labels(*_error_of(response)).inc()


@functools.lru_cache(maxsize=MAX_LABEL_SETS)
def _series(route: str, method: str, status: int, tier: str) -> tuple[Counter, Histogram]:
    """The two series, found in one call: each request of the thousand in a second counts in both."""
    counter = metrics.requests_total.labels(route, method, f"{status}xx", tier)
    return counter, metrics.request_seconds.labels(route, method)


def _error_of(response: HttpResponseBase) -> tuple[metrics.Layer, str]:
    problem: Problem | None = getattr(response, "problem", None)
    if problem is not None:
        return problem.layer, problem.code
    # A page of the admin, or an answer that a PMS asks for.
    return metrics.Layer.ROUTE, _REASONS.get(response.status_code, metrics.OTHER)
