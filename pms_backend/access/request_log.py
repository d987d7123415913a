"""One log line for each request, without its query, its headers and its body."""

import logging
import time
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from pms_backend.access.addresses import client_address
from pms_backend.api.logs import REQUESTS
from pms_backend.api.routes import route_of, tier_of

logger = logging.getLogger(REQUESTS)

# Requests of monitoring, which come every few seconds, are logged at DEBUG.
QUIET_PATHS: Final = ("/health/", "/metrics")
# The line of a refused request has its path too, which may be as long as its head.
MAX_PATH_LENGTH: Final = 500


class RequestLogMiddleware:
    """Logs each request when it has been answered, in its context."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        level = logging.DEBUG if request.path.startswith(QUIET_PATHS) else logging.INFO
        if logger.isEnabledFor(level):
            _log(level, request, response, time.perf_counter() - began)
        return response


def _log(level: int, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    write_line(
        level,
        method=request.method,
        route=route_of(request),
        path=request.path,
        status=response.status_code,
        ms=round(seconds * 1_000, 1),
        # A file that is streamed may have no length.
        bytes=int(response.headers.get("Content-Length", 0)),
        tier=tier_of(request),
        address=client_address(request),
    )


def write_line(level: int, *, path: str, **members: str | float | None) -> None:
    """Logs a request with the beginning of its path and these members, of which it needs `method` and `status`."""
    path = path[:MAX_PATH_LENGTH]
    if logger.isEnabledFor(level):
        text, extra = f"{members['method']} {path} {members['status']}", {"path": path, **members}
        # Without the place in the code, whose search is the larger part of what `logger.log` does.
        logger.handle(logger.makeRecord(logger.name, level, "", 0, text, (), None, extra=extra))
