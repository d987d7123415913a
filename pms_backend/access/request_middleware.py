"""The middleware of rate limits and cached reads."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import Throttled

from pms_backend.access import rates
from pms_backend.access.addresses import client_address
from pms_backend.access.request_checks import cached_answer, check_request
from pms_backend.access.throttling import add_verdict, headers_of
from pms_backend.api.exceptions import is_api_request, problem_of
from pms_backend.api.redis_pipeline import Command
from pms_backend.api.response_headers import set_headers
from pms_backend.api.views import problem

PMS_WEBHOOKS: Final = "/api/v1/webhooks/pms/"
# Paths without the limit of the address.
_EXCEPTED_PATHS: Final = ("/health/", "/static/", PMS_WEBHOOKS)
_CONNECTION: Final = "pms.connection"
_ALSO_RUN: Final = "pms.also_run"
_IS_VERIFIED: Final = "pms.is_verified"


class AddressThrottleMiddleware:
    """Refuses an address above its limit before authentication, and adds the rate limit headers.

    A cached read of a known caller is answered here, without its view.

    Webhooks of a PMS are limited after their view, and only if they do not verify: a PMS that is refused counts that as
    a failed delivery, and in the end deletes its subscription.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_EXCEPTED_PATHS):
            is_webhook = request.path.startswith(PMS_WEBHOOKS)
            return self._respond_to_webhook(request) if is_webhook else self.get_response(request)
        verdict = _verdict_on(request)
        if verdict is not None and not verdict.allowed:
            response = problem(problem_of(Throttled(wait=verdict.reset_seconds)))
        else:
            response = cached_answer(request) or self.get_response(request)
        set_headers(response, headers_of(request))
        return response

    def _respond_to_webhook(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # What verifies is not counted, nor are our own failures.
        if request.META.get(_IS_VERIFIED) or response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return response
        # Those for connections that do not exist are counted together: there are any number of names.
        connection = request.META.get(_CONNECTION, "")
        verdict = rates.count_request(
            "webhooks", f"{connection}:{client_address(request)}", also_run=request.META.get(_ALSO_RUN, ())
        )
        if verdict is None:
            return response
        if not verdict.allowed:
            response = problem(problem_of(Throttled(wait=verdict.reset_seconds)))
        set_headers(response, verdict.headers())
        return response


def limit_by_connection(request: HttpRequest, slug: str) -> None:
    """Counts this unverified webhook against its connection, which exists, instead of all of the address."""
    request.META[_CONNECTION] = slug


def run_with_limit(request: HttpRequest, commands: Sequence[Command]) -> None:
    """Runs these Redis commands in the round trip that counts this unverified webhook."""
    request.META[_ALSO_RUN] = commands


def exempt_verified(request: HttpRequest) -> None:
    """Does not count this webhook, because it verifies."""
    request.META[_IS_VERIFIED] = True


def _verdict_on(request: HttpRequest) -> rates.Verdict | None:
    """The verdict on the address; a login counts against `tokens` too, because checking a password is expensive."""
    verdict = check_request(request)
    is_login = request.method == "POST" and not is_api_request(request) and request.path == str(settings.LOGIN_URL)
    if is_login and (verdict is None or verdict.allowed):
        verdict = rates.count_request("tokens", client_address(request))
        add_verdict(request, verdict)
    return verdict
