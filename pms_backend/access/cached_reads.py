"""Reads whose responses are cached: a view names them in `cached_reads`, by action, with their cache generations.

`cached_reads` maps an action to a function from the URL's parameters to the generations of its response. What such a
response shows depends on the caller's visibility alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from pms_backend.access.caller import Caller
from pms_backend.access.visibility import visibility_of
from pms_backend.api.response_cache import CacheEntry, Made, cached_response

# The generations of a response, by the parameters of its URL.
Generations = Callable[..., Sequence[str]]


def cached_read(view: Any, make: Callable[[], Made]) -> HttpResponse:
    """The response of the view's running action, from the cache or from `make` (see `cached_response`)."""
    return cached_response(
        view.request,
        visibility=visibility_of(view.request.auth),
        generations=view.cached_reads[view.action](**view.kwargs),
        make=make,
    )


def generations_of(view: Any) -> Generations | None:
    """Those of the view's action; None if its responses are not cached."""
    cached_reads: Mapping[str, Generations] = getattr(view, "cached_reads", {})
    return cached_reads.get(getattr(view, "action", None) or "")


def entry_of(
    request: HttpRequest, caller: Caller, generations: Generations, parameters: Mapping[str, Any]
) -> CacheEntry:
    """The entry of the response to this caller."""
    return CacheEntry(request, visibility_of(caller), generations(**parameters))
