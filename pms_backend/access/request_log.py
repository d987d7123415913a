"""What is known of each request: its context, its count in the metrics, and its line in the log.

The line has neither the query nor headers nor the body.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from pms_backend.access.addresses import client_address
from pms_backend.api import context
from pms_backend.api.exceptions import is_page
from pms_backend.api.logs import REQUESTS, record_of_request
from pms_backend.api.request_metrics import count_response
from pms_backend.api.response_headers import header_of, set_header
from pms_backend.api.routes import route_of, tier_of

logger = logging.getLogger(REQUESTS)

# Requests of monitoring, which come every few seconds, are logged at DEBUG.
QUIET_PATHS: Final = ("/health/", "/metrics")
# The line of a refused request has its path too, which may be as long as its head.
MAX_PATH_LENGTH: Final = 500
# A method may be any word of the client's, as long as the head.
MAX_METHOD_LENGTH: Final = 20


class RequestContextMiddleware:
    """Binds the context of the request, sets `X-Request-Id` on the response, counts the request and logs it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        request_id = context.request_id_from(request.META.get("HTTP_X_REQUEST_ID", ""))
        door = context.Door.ADMIN if is_page(request.path) else context.Door.API
        token = context.begin(context.Context("anonymous", request_id, door))
        try:
            response = self.get_response(request)
            # That of a PMS's webhook is known when its signature has been verified.
            set_header(response, "X-Request-Id", context.current().request_id)
            _count_and_log(request, response, time.perf_counter() - began)
        finally:
            context.end(token)
        return response


def _count_and_log(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    route, tier = route_of(request), tier_of(request)
    count_response(request, response, route, tier, seconds)
    level = logging.DEBUG if request.path.startswith(QUIET_PATHS) else logging.INFO
    if logger.isEnabledFor(level):
        write_line(
            level,
            method=(request.method or "")[:MAX_METHOD_LENGTH],
            route=route,
            path=request.path,
            status=response.status_code,
            ms=round(seconds * 1_000, 1),
            # A file that is streamed may have no length.
            bytes=int(header_of(response, "content-length") or 0),
            tier=tier,
            address=client_address(request),
        )


def write_line(level: int, *, path: str, **members: str | float | None) -> None:
    """Logs a request with the beginning of its path and these members, of which it needs `method` and `status`."""
    if logger.isEnabledFor(level):
        path = path[:MAX_PATH_LENGTH]
        text = f"{members['method']} {path} {members['status']}"
        logger.handle(record_of_request(level, text, {"path": path, **members}))
