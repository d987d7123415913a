"""The outermost layer: a request id for every request, and its measure."""

import re
import time
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from pms_backend import metrics
from pms_backend.api import context

# What a caller sends is repeated in logs and answers: anything else is replaced, not cleaned.
SANE_REQUEST_ID = re.compile(rf"[A-Za-z0-9._:-]{{1,{context.MAX_REQUEST_ID_LENGTH}}}")


class RequestContextMiddleware:
    """Binds the context of the request and answers with its `X-Request-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sent = request.headers.get("X-Request-Id", "")
        request_id = sent if SANE_REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
        began = time.perf_counter()
        with context.bind(actor="anonymous", request_id=request_id):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        method = request.method if request.method in _METHODS else "OTHER"
        metrics.request_seconds.labels(method).observe(time.perf_counter() - began)
        metrics.requests_total.labels(method, response.status_code).inc()
        return response


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
