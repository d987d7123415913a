"""Lockout after failed logins, by django-axes, which counts them in the database.

It protects Django's `authenticate(request, ...)` and so every login. A few failures lock one user at one address; many
lock the address. A user is never locked at all addresses, because then anybody could lock the staff out.
"""

import logging
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from pms_backend.access.addresses import client_address
from pms_backend.api.exceptions import is_api_request
from pms_backend.api.problems import Problem
from pms_backend.api.views import problem

logger = logging.getLogger(__name__)

MAX_USERNAME_LENGTH = 255
UNKNOWN_ADDRESS = "unknown"


class LoginGuard(AxesDatabaseHandler):
    """Counts failures for each user at an address, and for the address with its own limit."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """The failures of this user at this address; at least the limit where the address exceeds its own."""
        of_the_pair, of_the_address = (
            attempts.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        if of_the_address >= settings.LOGIN_FAILURES_PER_ADDRESS:
            return max(int(of_the_pair), int(settings.AXES_FAILURE_LIMIT))
        return int(of_the_pair)

    def reset_user_attempts(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Deletes the failures of the user who logged in; those of others at the address stay."""
        username = username_of(request, credentials)
        return int(self.reset_attempts(username=username, ip_address=request.axes_ip_address))


def username_of(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str | None:
    """The submitted user name, in a form that the table of failures can store."""
    name = (credentials or request.POST).get("username")
    return None if name is None else str(name).replace("\x00", "")[:MAX_USERNAME_LENGTH]


def address_of(request: HttpRequest) -> str | None:
    """The client's address, or None where it is unknown."""
    address = client_address(request)
    return None if address == UNKNOWN_ADDRESS else address


def refuse(
    request: HttpRequest, _response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """The 429 response to a locked login: a page for browsers, a problem for programs."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    logger.warning("Locked out: %s from %s", username_of(request, credentials), client_address(request))
    if is_api_request(request):
        detail = f"Too many logins have failed; try again in {seconds} s."
        return problem(Problem(429, "locked_out", detail, retry_after=seconds))
    context = {**admin.site.each_context(request), "title": _("Locked"), "minutes": seconds // 60}
    response = render(request, "access/locked_out.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response
