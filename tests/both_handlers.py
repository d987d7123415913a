"""Django's test client, with the application's two handlers: it would know that of pages alone."""

from typing import Any, Final

from django.http import HttpRequest
from django.test.client import ClientHandler

from pms_backend.api.handler import ApiHandler, is_api_path

_of_pages: Final = ClientHandler.get_response


def use_both_handlers() -> None:
    """Chooses the handler by the path from now on, as `pms_backend.wsgi` does."""
    ClientHandler.get_response = _get_response


def _get_response(handler: Any, request: HttpRequest) -> Any:
    if not is_api_path(request.path_info):
        return _of_pages(handler, request)
    # As that of pages: its middlewares read the settings when the client sends its first request.
    if not hasattr(handler, "of_the_api"):
        handler.of_the_api = ApiHandler()
    return handler.of_the_api.get_response(request)
