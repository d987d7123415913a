"""What a request asks Redis before anything else, in one round trip (ADR 0016).

Always the limit of its address and the generation of cached keys. Where the key cache knows the caller, and the checks
of DRF will let it through: its own limit and the cached response too. Redis does so only if the generation under which
the caller was cached is still current; otherwise the view's own checks follow as if nothing had been known.
"""

import functools
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError
from rest_framework.permissions import SAFE_METHODS

from pms_backend.access import key_cache
from pms_backend.access.addresses import client_address
from pms_backend.access.authentication import ApiKeyAuthentication, key_in
from pms_backend.access.cached_reads import Generations, entry_of, generations_of
from pms_backend.access.caller import Caller
from pms_backend.access.permissions import HasScope, required_scope
from pms_backend.access.rates import CONSEQUENCE, USE, Rate, Verdict, log_of, rate_of, rate_of_tier, verdict_of
from pms_backend.access.throttling import ClientThrottle, add_verdict, counted_of, note_counted
from pms_backend.access.visibility import is_open_to
from pms_backend.api import context
from pms_backend.api.conditional import answer
from pms_backend.api.negotiation import ANYTHING
from pms_backend.api.redis_pipeline import report_failure
from pms_backend.api.redis_script import run_script
from pms_backend.api.request_metrics import METHODS
from pms_backend.api.response_cache import CacheEntry
from pms_backend.api.thread_database import is_in_transaction

_ENTRY: Final = "pms.expected_entry"


class _Checks(NamedTuple):
    """What DRF's checks of a view ask of a request with one method."""

    view: Any
    scope: str
    is_write: bool
    media_types: frozenset[str]
    generations: Generations | None


class _Expected(NamedTuple):
    """A caller that will pass these checks, if it is still the one who was cached."""

    caller: Caller
    generation: bytes
    rate: Rate | None
    is_write: bool
    entry: CacheEntry | None


def check_request(request: HttpRequest) -> Verdict | None:
    """The verdict on the address; None without a limit or Redis. What else was found is noted on the request."""
    rate, expected = rate_of("address"), _expected(request)
    if rate is None and expected is None:
        return None
    try:
        reply = run_script(
            first=None if rate is None else log_of(rate, client_address(request)),
            second=None if expected is None or expected.rate is None
            else log_of(expected.rate, expected.caller.identity),
            generation_key=key_cache.GENERATION_KEY,
            generation=b"" if expected is None else expected.generation,
            look_up=None if expected is None or expected.entry is None else expected.entry.look_up,
        )  # fmt: skip
    except RedisError as error:
        report_failure(USE, CONSEQUENCE, error)
        return None
    key_cache.note_generation(request, reply.generation)
    verdict = None
    if rate is not None and reply.first is not None:
        verdict = verdict_of(rate, reply.first)
        add_verdict(request, verdict)
        if not verdict.allowed:
            return verdict
    if expected is not None and reply.generation == expected.generation:
        own = None if expected.rate is None or reply.second is None else verdict_of(expected.rate, reply.second)
        note_counted(request, expected.caller, own, is_write=expected.is_write)
        if expected.entry is not None and (own is None or own.allowed):
            expected.entry.note(request, reply.tokens, reply.found)
            request.META[_ENTRY] = expected.entry
    return verdict


def cached_answer(request: HttpRequest) -> HttpResponse | None:
    """The response that the view would take from the cache, as the same caller would get it; None where it has to run.

    Authentication, permission, limit and negotiation have been checked by `check_request`.
    """
    entry: CacheEntry | None = request.META.get(_ENTRY)
    cached = None if entry is None else entry.current()
    counted = counted_of(request)
    if cached is None or counted is None:
        return None
    context.set_actor(counted.caller.actor)
    request.user = request.auth = counted.caller  # type: ignore[assignment, attr-defined]  # as DRF sets them
    add_verdict(request, counted.verdict)
    return answer(request, cached.body, cached.etag)


def _expected(request: HttpRequest) -> _Expected | None:
    """The cached caller, if nothing but its generation can keep it from the view."""
    match, sent = request.resolver_match, request.META
    # A method is any word that a client likes to send; what is remembered for each must not grow with them.
    if match is None or request.method not in METHODS:
        return None
    checks = _checks_of(match.func, request.method)
    if checks is None or sent.get("HTTP_ACCEPT", ANYTHING) not in checks.media_types:
        return None
    key = key_in(sent.get("HTTP_AUTHORIZATION", ""), sent.get("HTTP_X_API_KEY", ""))
    cached = None if key is None else key_cache.get_unconfirmed(key)
    # `%66ormat` is not noticed: then the client is counted and the view refuses it, as it would otherwise.
    if cached is None or "format" in sent.get("QUERY_STRING", "") or "format" in match.kwargs:
        return None
    caller = cached.caller
    is_passed = checks.scope in caller.scopes and is_open_to(caller, checks.view, request.method)
    # The signature of a write is verified before the write is counted.
    if not is_passed or (caller.signing_client_id is not None and request.method not in SAFE_METHODS):
        return None
    entry = None
    if checks.generations is not None and not is_in_transaction():
        entry = entry_of(request, caller, checks.generations, match.kwargs)
    rate = rate_of_tier(caller.tier, write=checks.is_write)
    return _Expected(caller, cached.generation, rate, checks.is_write, entry)


@functools.cache
def _checks_of(function: Callable[..., Any], method: str) -> _Checks | None:
    """None where the view has other checks than most, or no such method."""
    view_class: Any = getattr(function, "cls", None)
    if view_class is None or method.lower() not in view_class.http_method_names:
        return None
    view = view_class(**getattr(function, "initkwargs", {}))
    # A view without actions has methods; HEAD is GET.
    handler = "get" if method == "HEAD" else method.lower()
    actions: dict[str, str] | None = getattr(function, "actions", None)
    view.action = handler if actions is None else actions.get(handler, "")
    if not hasattr(view, view.action):
        return None
    if actions is None:
        view.action = None
    scope = required_scope(view, method)
    is_usual = (
        next(iter(view.authentication_classes), None) is ApiKeyAuthentication
        and tuple(view.permission_classes) == (HasScope,)
        and ClientThrottle in view.throttle_classes
    )
    if not is_usual or scope is None:
        return None
    is_read = method in SAFE_METHODS
    return _Checks(
        view,
        scope,
        is_write=not is_read and not getattr(view, "only_reads", False),
        media_types=frozenset({ANYTHING, view.renderer_classes[0].media_type}),
        generations=generations_of(view) if is_read and method != "OPTIONS" else None,
    )
