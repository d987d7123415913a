"""The two ways of a request: a short one for programs, Django's usual one for pages (docs/adr/0029)."""

from typing import Any, Final

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils.module_loading import import_string

from pms_backend.api.limits import MAX_URL_BYTES

# What programs ask for, and the one page among it.
API_PATHS: Final = ("/api/", "/health/", "/metrics")
DOCS_PATH: Final = "/api/docs/"


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

    def get_response(self, request: HttpRequest) -> Any:
        """The response that all middlewares have seen."""
        request.resolver_match = _match(request.path_info)
        return super().get_response(request)

    def _get_response(self, request: HttpRequest) -> HttpResponseBase:
        match = request.resolver_match
        if match is None:
            raise Http404
        response: Any = match.func(request, *match.args, **match.kwargs)
        if hasattr(response, "render"):
            response = response.render()
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response  # type: ignore[no-any-return]


class Application:
    """The WSGI application: chooses the handler by the path."""

    def __init__(self) -> None:
        self._api, self._pages = ApiHandler(), WSGIHandler()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        handler = self._api if is_api_path(environ["PATH_INFO"]) else self._pages
        return handler(environ, start_response)


def _match(path: str) -> ResolverMatch | None:
    # A longer one is refused by a middleware.
    if len(path) > MAX_URL_BYTES:
        return None
    try:
        return resolve(path)
    except Resolver404:
        return None
