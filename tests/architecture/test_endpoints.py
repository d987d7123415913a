"""Every address asks for a scope, or stands in the list of those that are for everybody."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.urls.resolvers import RegexPattern
from rest_framework.views import APIView

from pms_backend.access.permissions import HasScope, required_scope
from pms_backend.access.scopes import ALL_SCOPES
from tests.conftest import ClientWith, JSONClient

PUBLIC = {
    "home": "leads people to the admin and the docs",
    "health-live": "for whoever watches the process",
    "health-ready": "for whoever watches the process",
    "metrics": "looks at METRICS_TOKEN, or at the address, by itself",
    "schema": "the contract is no secret",
    "docs": "the contract is no secret",
    "auth-token": "a name and a password are its authentication; limited by address",
    "auth-refresh": "the refresh token is its authentication; limited by address",
    "pms-webhook": "its signature is its authentication",
}
METHODS = ("get", "post", "put", "patch", "delete")
# A value for each parameter of a path that fits its pattern.
SAMPLES = {"pk": "1", "id": "AbCd1234", "slug": "main", "code": "main", "sku": "A-1", "location": "main"}


@dataclass(frozen=True)
class Endpoint:
    """A method of an address."""

    name: str
    url: str
    method: str
    view: type | None
    action: str | None


def endpoints(resolver: URLResolver, prefix: str = "") -> Iterator[Endpoint]:
    """Every endpoint below `resolver` but the admin's, which has permissions of its own."""
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
    """One endpoint for each method that the entry answers."""
    view = getattr(entry.callback, "cls", None) or getattr(entry.callback, "view_class", None)
    actions = getattr(entry.callback, "actions", None)
    if view is None:
        yield Endpoint(entry.name or "", f"/{url}", "get", None, None)
    for method in METHODS if view is not None else ():
        action = actions.get(method) if actions else None
        if (action or (not actions and hasattr(view, method))) and method in view.http_method_names:
            yield Endpoint(entry.name or "", f"/{url}", method, view, action)


def find_unguarded(resolver: URLResolver) -> list[str]:
    """Endpoints that anybody may use, or that ask for a scope that does not exist."""
    return [
        f"{endpoint.method} {endpoint.url} ({endpoint.name})"
        for endpoint in endpoints(resolver)
        if endpoint.name not in PUBLIC and not is_guarded(endpoint)
    ]


def is_guarded(endpoint: Endpoint) -> bool:
    """Whether the view has our permission, our authentication, and a scope for the method."""
    view = endpoint.view
    if view is None or not issubclass(view, APIView) or HasScope not in view.permission_classes:
        return False
    instance = view()
    instance.action = endpoint.action
    has_authentication = view.authentication_classes == APIView.authentication_classes
    return has_authentication and required_scope(instance, endpoint.method.upper()) in ALL_SCOPES


GUARDED = [endpoint for endpoint in endpoints(get_resolver()) if endpoint.name not in PUBLIC]
NAMES = [f"{endpoint.method} {endpoint.url}" for endpoint in GUARDED]


def test_every_endpoint_asks_for_a_scope_that_exists():
    assert len(GUARDED) > 20
    assert find_unguarded(get_resolver()) == []


def test_the_public_list_names_only_what_is_there():
    names = {endpoint.name for endpoint in endpoints(get_resolver())}

    assert set(PUBLIC) <= names


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", GUARDED, ids=NAMES)
def test_nobody_is_let_in_without_a_key_or_without_the_scope(endpoint: Endpoint, client_with: ClientWith):
    anonymous = getattr(JSONClient(), endpoint.method)(endpoint.url)
    without_scopes = getattr(client_with([]), endpoint.method)(endpoint.url)

    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "not_authenticated")
    assert (without_scopes.status_code, without_scopes.json()["code"]) == (403, "forbidden")


class _Open(APIView):
    permission_classes = ()
    required_scopes = {"read": "products:read"}

    def get(self, request): ...


class _Unscoped(APIView):
    def get(self, request): ...


class _Misspelt(APIView):
    required_scopes = {"read": "product:read"}

    def get(self, request): ...


class _Unauthenticated(APIView):
    authentication_classes = ()
    required_scopes = {"read": "products:read"}

    def get(self, request): ...


class _HalfScoped(APIView):
    required_scopes = {"read": "products:read"}

    def get(self, request): ...
    def post(self, request): ...


@pytest.mark.parametrize("view", [_Open, _Unscoped, _Misspelt, _Unauthenticated, _HalfScoped])
def test_a_hole_is_found(view):
    resolver = URLResolver(RegexPattern(r"^"), [path("hole/", view.as_view(), name="hole")])

    assert len(find_unguarded(resolver)) == 1
