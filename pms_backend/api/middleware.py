"""The limits of each request: of its head, and of its body."""

import re
from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from rest_framework.parsers import BaseParser
from rest_framework.permissions import SAFE_METHODS

from pms_backend.api.exceptions import problem_of
from pms_backend.api.limits import MAX_HEADER_BYTES, MAX_QUERY_PARAMETERS, MAX_URL_BYTES
from pms_backend.api.problems import Problem
from pms_backend.api.request_bodies import max_body_bytes, media_type_of
from pms_backend.api.views import problem

REMEMBERED_HOSTS: Final = 20
CONTENT_LENGTH: Final = re.compile(r"[0-9]{1,18}", re.ASCII)

Next = Callable[[HttpRequest], HttpResponse]


class RequestLimitsMiddleware:
    """Refuses a request whose head exceeds the limits, or that is for another host (400)."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self._allowed_hosts: set[str] = set()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        refusal = _problem_of_head(request)
        if refusal is not None:
            return problem(refusal)
        if request.META.get("HTTP_HOST") not in self._allowed_hosts:
            self._check_host(request)
        return self.get_response(request)

    def _check_host(self, request: HttpRequest) -> None:
        """Raises `DisallowedHost`. Django's check is slow, so the usual hosts are remembered; a pattern allows many."""
        request.get_host()
        if "HTTP_HOST" in request.META and len(self._allowed_hosts) < REMEMBERED_HOSTS:
            self._allowed_hosts.add(request.META["HTTP_HOST"])


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
        if request.method in SAFE_METHODS or not (length := _length_of_body(request)):
            return None
        parsers = getattr(getattr(view, "cls", None), "parser_classes", None)
        if parsers is None:
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
    sent = request.META
    path, query = sent["PATH_INFO"], sent.get("QUERY_STRING", "")
    # A character of a path has at most four bytes.
    if (len(path) * 4 + len(query) > MAX_URL_BYTES) and (
        len(path.encode("utf-8", "replace")) + len(query) > MAX_URL_BYTES
    ):
        return Problem(414, "url_too_long", f"An address has at most {MAX_URL_BYTES} bytes.")
    if query and query.count("&") >= MAX_QUERY_PARAMETERS:
        return Problem(400, "malformed", f"An address has at most {MAX_QUERY_PARAMETERS} query parameters.")
    if _size_of_headers(sent) > MAX_HEADER_BYTES:
        return Problem(431, "headers_too_large", f"The headers have at most {MAX_HEADER_BYTES} bytes.")
    if (length := sent.get("CONTENT_LENGTH")) and not CONTENT_LENGTH.fullmatch(length):
        return Problem(400, "malformed", "The Content-Length is no length.")
    return None


def _size_of_headers(sent: dict[str, Any]) -> int:
    """Their names and values, joined: `request.headers` would take ten function calls for each."""
    headers = [name[5:] + value for name, value in sent.items() if name[:5] == "HTTP_"]
    return len("".join(headers)) + len(sent.get("CONTENT_TYPE", ""))


def _length_of_body(request: HttpRequest) -> int:
    return int(request.META.get("CONTENT_LENGTH") or 0)


def _accepts(parser: type[BaseParser], sent: str) -> bool:
    return parser.media_type == "*/*" or parser.media_type == sent
