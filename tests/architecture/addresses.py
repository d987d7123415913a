"""Every endpoint of the URL configuration, with a value for each of its parameters."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RegexPattern
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
# A value for each parameter of a path that fits its pattern.
SAMPLES = {"pk": "1", "id": "AbCd1234", "slug": "main", "code": "main", "sku": "A-1", "location": "main"} | {
    "product": "1",
    "name": f"images/00/{'0' * 64}-{'0' * 8}.png",
}


@dataclass(frozen=True)
class Endpoint:
    """A path and a method."""

    name: str
    url: str
    method: str
    view: type | None
    action: str | None


def endpoints(resolver: URLResolver, prefix: str = "") -> Iterator[Endpoint]:
    """Every endpoint below `resolver` except the admin's, which has permissions of its own."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            if entry.namespace != "admin":
                yield from endpoints(entry, prefix + sample(entry))
        elif isinstance(entry, URLPattern):
            yield from methods_of(entry, prefix + sample(entry))


def sample(entry: URLPattern | URLResolver) -> str:
    """The entry's part of a URL, with values for its parameters."""
    if isinstance(entry.pattern, RegexPattern):
        route = str(entry.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        for name in entry.pattern.regex.groupindex:
            start = route.index(f"(?P<{name}>")
            depth, end = 0, start
            for end in range(start, len(route)):
                depth += {"(": 1, ")": -1}.get(route[end], 0)
                if depth == 0:
                    break
            route = route[:start] + SAMPLES[name] + route[end + 1 :]
        return route.replace("/?", "/")
    return re.sub(r"<(?:[^:>]+:)?([^>]+)>", lambda parameter: SAMPLES[parameter[1]], str(entry.pattern))


def methods_of(entry: URLPattern, url: str) -> Iterator[Endpoint]:
    """One endpoint for each method of the entry."""
    view = getattr(entry.callback, "cls", None) or getattr(entry.callback, "view_class", None)
    actions = getattr(entry.callback, "actions", None)
    if view is None:
        yield Endpoint(entry.name or "", f"/{url}", "get", None, None)
    for method in METHODS if view is not None else ():
        action = actions.get(method) if actions else None
        if (action or (not actions and hasattr(view, method))) and method in view.http_method_names:
            yield Endpoint(entry.name or "", f"/{url}", method, view, action)


def schema_of(endpoint: Endpoint) -> dict[str, Any]:
    """The operation of an endpoint in the OpenAPI document; None if it is not documented."""
    for template, operations in openapi()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, endpoint.url) and endpoint.method in operations:
            found: dict[str, Any] = operations[endpoint.method]
            return found
    return {}


@functools.cache
def openapi() -> dict[str, Any]:
    """The OpenAPI document."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return document
