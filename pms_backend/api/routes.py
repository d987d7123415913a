"""The route and the tier of a request, as metrics and log lines name them: few values, whatever callers send."""

import functools
import re
from typing import Any, Final

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest

from pms_backend.api import context
from pms_backend.api.exceptions import is_page

UNMATCHED: Final = "unmatched"
STAFF: Final = "staff"
ANONYMOUS: Final = "anonymous"
# A parameter, after the name of its converter if there is one.
_PARAMETER: Final = re.compile(r"<(?:[a-z]+:)?([^>]+)>")


def route_of(request: HttpRequest) -> str:
    """The URL pattern, such as `/api/v1/products/{id}/`; `/admin/` and `/static/` for all below them.

    It is known when the request has been answered. A path that no pattern matches is `unmatched`.
    """
    if request.resolver_match is None:
        path = request.path
        if is_page(path):
            return "/admin/"
        return settings.STATIC_URL if path.startswith(settings.STATIC_URL) else UNMATCHED
    return _readable(request.resolver_match.route)


@functools.cache
def _readable(pattern: str) -> str:
    path = _PARAMETER.sub(lambda match: "{id}" if match[1] == "pk" else f"{{{match[1]}}}", simplify_regex(pattern))
    return "/admin/" if is_page(path) else path


def tier_of(request: HttpRequest) -> str:
    """The rate tier of the client; `staff` for people who work here, `anonymous` for a request without a caller."""
    caller: Any = getattr(request, "auth", None)
    if caller is None:
        return STAFF if context.current().actor.startswith("user:") else ANONYMOUS
    audience: str = caller.audience
    return audience
