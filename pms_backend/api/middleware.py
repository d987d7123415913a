"""The outermost middleware: request id, metrics and limits of each request."""

import re
import time
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from rest_framework.parsers import BaseParser

from pms_backend.api import context
from pms_backend.api.exceptions import is_page, problem_of
from pms_backend.api.limits import MAX_HEADER_BYTES, MAX_QUERY_PARAMETERS, MAX_URL_BYTES
from pms_backend.api.problems import Problem
from pms_backend.api.request_bodies import max_body_bytes, media_type_of
from pms_backend.api.request_metrics import count_response
from pms_backend.api.routes import route_of, tier_of
from pms_backend.api.views import problem

CONTENT_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)

Next = Callable[[HttpRequest], HttpResponse]


class RequestContextMiddleware:
    """Binds the context of the request, sets `X-Request-Id` on the response and counts the request."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = context.request_id_from(request.headers.get("X-Request-Id", ""))
        began = time.perf_counter()
        door = context.Door.ADMIN if is_page(request.path) else context.Door.API
        with context.bind(actor="anonymous", request_id=request_id, door=door):
            response = self.get_response(request)
            seconds = time.perf_counter() - began
            count_response(request, response, route_of(request), tier_of(request), seconds)
            # That of a PMS's webhook is known when its signature has been verified.
            response["X-Request-Id"] = context.current().request_id
        return response


_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class RequestLimitsMiddleware:
    """Refuses a request whose head exceeds the limits, or that is for another host (400)."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = _problem_of_head(request)
        if refusal is not None:
            return problem(refusal)
        # Raises `DisallowedHost`.
        request.get_host()
        return self.get_response(request)


class BodyLimitsMiddleware:
    """Refuses a body that the view does not accept.

    A body of another type is 415, one that is too long 413, even where the view never reads its body: a caller would
    not notice that it is ignored.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A request for a page has no match yet: Django calls `process_view` when it has.
        match = request.resolver_match
        refusal = None if match is None else self.process_view(request, match.func)
        return self.get_response(request) if refusal is None else refusal

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        """The refusal of a body by its type or its length."""
        parsers = getattr(getattr(view, "cls", None), "parser_classes", None)
        if parsers is None or request.method in _SAFE or not (length := _length_of_body(request)):
            return None
        content_type = request.META.get("CONTENT_TYPE", "")
        sent = media_type_of(content_type)
        if not any(_accepts(parser, sent) for parser in parsers):
            types = " or ".join(parser.media_type for parser in parsers)
            return problem(Problem(415, "unsupported_media_type", f"A body here has the Content-Type {types}."))
        if length > max_body_bytes(view, request.path, content_type):
            return problem(problem_of(RequestDataTooBig()))
        return None


def _problem_of_head(request: HttpRequest) -> Problem | None:
    query = request.META.get("QUERY_STRING", "")
    if len(request.META.get("PATH_INFO", "").encode("utf-8", "replace")) + len(query) > MAX_URL_BYTES:
        return Problem(414, "url_too_long", f"An address has at most {MAX_URL_BYTES} bytes.")
    if query.count("&") >= MAX_QUERY_PARAMETERS:
        return Problem(400, "malformed", f"An address has at most {MAX_QUERY_PARAMETERS} query parameters.")
    if sum(len(name) + len(value) for name, value in request.headers.items()) > MAX_HEADER_BYTES:
        return Problem(431, "headers_too_large", f"The headers have at most {MAX_HEADER_BYTES} bytes.")
    if (length := request.META.get("CONTENT_LENGTH")) and not CONTENT_LENGTH.fullmatch(length):
        return Problem(400, "malformed", "The Content-Length is no length.")
    return None


def _length_of_body(request: HttpRequest) -> int:
    return int(request.META.get("CONTENT_LENGTH") or 0)


def _accepts(parser: type[BaseParser], sent: str) -> bool:
    return parser.media_type == "*/*" or parser.media_type == sent
