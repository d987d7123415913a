"""Middlewares that only browsers need: session, login, messages.

API requests without a cookie skip them, so that programs do not pay for them.
"""

from typing import Any

from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

API = "/api/"


class _ForBrowsers(MiddlewareMixin):
    def __call__(self, request: HttpRequest) -> Any:
        if request.path.startswith(API) and not request.META.get("HTTP_COOKIE"):
            return self.get_response(request)
        return super().__call__(request)


class SessionMiddleware(_ForBrowsers, sessions.SessionMiddleware):
    """Django's, for browsers."""


class AuthenticationMiddleware(_ForBrowsers, auth.AuthenticationMiddleware):
    """Django's, for browsers."""


class MessageMiddleware(_ForBrowsers, messages.MessageMiddleware):
    """Django's, for browsers."""
