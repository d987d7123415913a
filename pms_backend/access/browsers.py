"""The session of staff who call the API from their browser."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware


class StaffSessionMiddleware:
    """Django's middlewares of session, CSRF and login, for API requests with a cookie. A program's has none.

    `StaffSessionAuthentication` checks the CSRF token, and only if the session is what authenticates the request.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._with_session = SessionMiddleware(CsrfViewMiddleware(AuthenticationMiddleware(get_response)))

    def __call__(self, request: HttpRequest) -> Any:
        is_browser = request.META.get("HTTP_COOKIE")
        return self._with_session(request) if is_browser else self.get_response(request)
