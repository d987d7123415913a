"""Rate limits: by address before authentication, by client and tier after it."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from pms_backend.access import rates
from pms_backend.access.addresses import client_address
from pms_backend.access.caller import Caller
from pms_backend.access.key_cache import GENERATION_KEY, note_generation
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import SAFE_METHODS
from pms_backend.api.exceptions import is_api_request, problem_of
from pms_backend.api.redis_pipeline import Command
from pms_backend.api.views import problem

UNLIMITED_PATHS = ("/health/", "/static/")
PMS_WEBHOOKS = "/api/v1/webhooks/pms/"
_CONNECTION = "pms.connection"
_ALSO_RUN = "pms.also_run"
_IS_VERIFIED = "pms.is_verified"


class AddressThrottleMiddleware:
    """Refuses an address above its limit before authentication, and adds the rate limit headers.

    Webhooks of a PMS are limited after their view, and only if they do not verify: a PMS that is refused counts that as
    a failed delivery, and in the end deletes its subscription.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith((*UNLIMITED_PATHS, PMS_WEBHOOKS)):
            is_webhook = request.path.startswith(PMS_WEBHOOKS)
            return self._respond_to_webhook(request) if is_webhook else self.get_response(request)
        verdict = _verdict_on(request)
        if verdict is not None and not verdict.allowed:
            response = problem(problem_of(Throttled(wait=verdict.reset_seconds)))
        else:
            response = self.get_response(request)
        for name, value in headers_of(request).items():
            response[name] = value
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
        for name, value in verdict.headers().items():
            response[name] = value
        return response


def _verdict_on(request: HttpRequest) -> rates.Verdict | None:
    """The verdict on the address; a login counts against `tokens` too, because checking a password is expensive."""
    address = client_address(request)
    verdict = rates.count_request("address", address, also_read=GENERATION_KEY)
    add_verdict(request, verdict)
    note_generation(request, None if verdict is None else verdict.read_value)
    is_login = request.method == "POST" and not is_api_request(request) and request.path == str(settings.LOGIN_URL)
    if is_login and (verdict is None or verdict.allowed):
        verdict = rates.count_request("tokens", address)
        add_verdict(request, verdict)
    return verdict


class Throttle(BaseThrottle):
    """Counts the request in Redis and stores the verdict for the headers; a subclass names the bucket."""

    verdict: rates.Verdict | None = None

    def verdict_on(self, request: Request, view: Any) -> rates.Verdict | None:
        """Counts the request; None where there is no limit."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: Any) -> bool:
        """Whether the request is within its limit."""
        self.verdict = self.verdict_on(request, view)
        add_verdict(request._request, self.verdict)
        return self.verdict is None or self.verdict.allowed

    def wait(self) -> float | None:
        """Seconds until the next request may pass."""
        return self.verdict.reset_seconds if self.verdict else None


class ClientThrottle(Throttle):
    """Limits a client by its tier, reads and writes separately."""

    def verdict_on(self, request: Request, view: Any) -> rates.Verdict | None:
        """Counts authenticated callers only."""
        caller = request.auth
        if not isinstance(caller, Caller):
            return None
        write = request.method not in SAFE_METHODS and not getattr(view, "only_reads", False)
        return rates.count_request_of_tier(caller.tier, caller.identity, write=write)


def limit_by_connection(request: HttpRequest, slug: str) -> None:
    """Counts this unverified webhook against its connection, which exists, instead of all of the address."""
    request.META[_CONNECTION] = slug


def run_with_limit(request: HttpRequest, commands: Sequence[Command]) -> None:
    """Runs these Redis commands in the round trip that counts this unverified webhook."""
    request.META[_ALSO_RUN] = commands


def exempt_verified(request: HttpRequest) -> None:
    """Does not count this webhook, because it verifies."""
    request.META[_IS_VERIFIED] = True


class TokenThrottle(Throttle):
    """Limits token requests of one address, and so how fast it can try passwords."""

    def verdict_on(self, request: Request, view: Any) -> rates.Verdict | None:
        """Counts before the password is checked."""
        return rates.count_request("tokens", client_address(request._request))


class TicketThrottle(Throttle):
    """Limits ticket requests of one caller, except of the tier `internal`."""

    def verdict_on(self, request: Request, view: Any) -> rates.Verdict | None:
        """Counts after the permission check, so that there is a caller."""
        caller: Any = request.auth
        return None if caller.tier == INTERNAL_TIER else rates.count_request("tokens", caller.identity)


def add_verdict(request: HttpRequest, verdict: rates.Verdict | None) -> None:
    """Stores a verdict on the request, for the response's headers."""
    if verdict is not None:
        request.META.setdefault("pms.verdicts", []).append(verdict)


def headers_of(request: HttpRequest) -> dict[str, str]:
    """The headers of the tightest limit that applied to the request."""
    verdicts: list[rates.Verdict] = request.META.get("pms.verdicts", [])
    if not verdicts:
        return {}
    return min(verdicts, key=lambda verdict: (verdict.allowed, verdict.remaining / verdict.rate.limit)).headers()
