"""The two ways of a request: a short one for programs, Django's usual one for pages (docs/adr/0029)."""

import functools
import re
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, get_resolver
from django.utils.log import log_response
from django.utils.module_loading import import_string

from pms_backend.api.limits import MAX_URL_BYTES
from pms_backend.api.response_headers import header_of, pairs_of, set_header
from pms_backend.api.thread_database import close_if_broken_or_old

# What programs ask for, and the one page among it.
API_PATHS: Final = ("/api/", "/health/", "/metrics")
DOCS_PATH: Final = "/api/docs/"
# How many paths, and how long ones, are remembered with their views. A longer one belongs to no list.
REMEMBERED_PATHS: Final = 1_000
LONGEST_REMEMBERED_PATH: Final = 100
# A part of a path that is a number of an id's length.
_NUMBER: Final = re.compile(r"/([0-9]{1,18})(?=/)")
_SERVER_ERROR: Final = HTTPStatus.INTERNAL_SERVER_ERROR.value


def is_api_path(path: str) -> bool:
    """Whether a request for this path goes through the `ApiHandler`."""
    return path.startswith(API_PATHS) and not path.startswith(DOCS_PATH)


class ApiHandler(WSGIHandler):
    """Answers programs, through the middlewares of `settings.API_MIDDLEWARE`.

    The URL is resolved before them: `request.resolver_match` says which view will answer, and is None if none does.
    Middlewares have no hooks besides `__call__`, since they know the view.
    """

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002 - its signature
        """Builds the chain, each link of which turns an exception into a response, as Django's do."""
        handle = convert_exception_to_response(self._get_response)
        for name in reversed(settings.API_MIDDLEWARE):
            handle = convert_exception_to_response(import_string(name)(handle))
        self._middleware_chain = handle

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answers as Django's handler does, but for its signals, which take as long as the rest of it.

        At the start they would do what they have done at the end of the thread's last request.
        """
        request = self.request_class(environ)
        response = self.get_response(request)
        if not response.streaming:
            # Before the server sees the headers, which it may refuse.
            request.close()
            close_if_broken_or_old()
        start_response(f"{response.status_code} {response.reason_phrase}", pairs_of(response))
        if response.streaming:
            # The server closes it when all is sent, which ends the request.
            response._handler_class = type(self)
            return response
        return (response.content,)

    def get_response(self, request: HttpRequest) -> Any:
        """The response that all middlewares have seen."""
        request.resolver_match = match_of(request.path_info)
        response: Any = self._middleware_chain(request)
        if response.status_code >= _SERVER_ERROR:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        response._resource_closers.append(request.close)
        return response

    def _get_response(self, request: HttpRequest) -> HttpResponseBase:
        match = request.resolver_match
        if match is None:
            raise Http404
        response: Any = match.func(request, *match.args, **match.kwargs)
        if hasattr(response, "render"):
            response = response.render()
        if not response.streaming and not header_of(response, "content-length"):
            set_header(response, "Content-Length", str(len(response.content)))
        return response  # type: ignore[no-any-return]


class Application:
    """The WSGI application: chooses the handler by the path."""

    def __init__(self) -> None:
        self._api, self._pages = ApiHandler(), WSGIHandler()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        handler = self._api if is_api_path(environ["PATH_INFO"]) else self._pages
        return handler(environ, start_response)


def match_of(path: str) -> ResolverMatch | None:
    """The view for a path, and its arguments; None if there is none. It is shared by requests: do not change it.

    Django's resolver makes a dozen objects for each, so that of the last paths is remembered.
    """
    try:
        if len(path) <= LONGEST_REMEMBERED_PATH:
            return _with_number(path) or _remembered(path, settings.ROOT_URLCONF)
        # A middleware refuses one that is too long.
        return get_resolver(settings.ROOT_URLCONF).resolve(path) if len(path) <= MAX_URL_BYTES else None
    except Resolver404:
        return None


def _with_number(path: str) -> ResolverMatch | None:
    """The match of a path with one number, such as `/api/v1/products/7/`, made of that with the number 0.

    None where it is not by itself one of the arguments: in `/levels/A/7/B/` it may be a part of a SKU.
    """
    numbers = _NUMBER.findall(path)
    if len(numbers) != 1:
        return None
    (number,) = numbers
    try:
        match = _remembered(path.replace(f"/{number}/", "/0/"), settings.ROOT_URLCONF)
    except Resolver404:
        # The caller resolves the path itself: a path without a view is rare.
        return None
    # A default argument of a pattern may be False, which equals 0.
    given = {name: value for name, value in match.kwargs.items() if value in ("0", 0) and type(value) is not bool}
    if len(given) != 1:
        return None
    ((name, value),) = given.items()
    own = ResolverMatch.__new__(ResolverMatch)
    own.__dict__.update(match.__dict__, kwargs={**match.kwargs, name: type(value)(number)})
    return own


@functools.lru_cache(maxsize=REMEMBERED_PATHS)
def _remembered(path: str, urlconf: str) -> ResolverMatch:
    return get_resolver(urlconf).resolve(path)
