"""DRF's throttles, and the verdicts on a request, for its headers."""

from typing import Any, Final, NamedTuple

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from pms_backend.access import rates
from pms_backend.access.addresses import client_address
from pms_backend.access.caller import Caller
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.api.response_headers import Prepared

_COUNTED: Final = "pms.counted"


class Counted(NamedTuple):
    """A caller whose request was counted before its authentication, by the key cache's caller of the same key."""

    caller: Caller
    verdict: rates.Verdict | None
    is_write: bool


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
        """Counts authenticated callers only, and each request once."""
        caller = request.auth
        if not isinstance(caller, Caller):
            return None
        is_write = request.method not in SAFE_METHODS and not getattr(view, "only_reads", False)
        counted = counted_of(request._request)
        if counted is not None and counted.caller == caller and counted.is_write == is_write:
            return counted.verdict
        return rates.count_request_of_tier(caller.tier, caller.identity, write=is_write)


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


def note_counted(request: HttpRequest, caller: Caller, verdict: rates.Verdict | None, *, is_write: bool) -> None:
    """Stores on the request that it was counted as one of this caller, with the verdict if there is a limit."""
    request.META[_COUNTED] = Counted(caller, verdict, is_write)


def counted_of(request: HttpRequest) -> Counted | None:
    """What `note_counted` stored."""
    counted: Counted | None = request.META.get(_COUNTED)
    return counted


def add_verdict(request: HttpRequest, verdict: rates.Verdict | None) -> None:
    """Stores a verdict on the request, for the response's headers."""
    if verdict is not None:
        request.META.setdefault("pms.verdicts", []).append(verdict)


def headers_of(request: HttpRequest) -> Prepared:
    """The headers of the tightest limit that applied to the request."""
    verdicts: list[rates.Verdict] = request.META.get("pms.verdicts", [])
    tightest = None
    for verdict in verdicts:
        if tightest is None or verdict.is_tighter_than(tightest):
            tightest = verdict
    return {} if tightest is None else tightest.headers()
