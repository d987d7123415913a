"""Every endpoint requires a scope, or is in the list of public endpoints."""

import pytest
from django.urls import URLResolver, get_resolver, path
from django.urls.resolvers import RegexPattern
from rest_framework.views import APIView

from pms_backend.access.permissions import HasScope, required_scope
from pms_backend.access.scopes import ALL_SCOPES
from tests.architecture.addresses import Endpoint, endpoints
from tests.conftest import ClientWith, JSONClient

PUBLIC = {
    "home": "leads people to the admin and the docs",
    "set_language": "who reads the login page may choose its language",
    "health-live": "for whoever watches the process",
    "health-ready": "for whoever watches the process",
    "metrics": "looks at METRICS_TOKEN, or at the address, by itself",
    "media": "pictures of products, by names that nobody can guess",
    "schema": "the contract is no secret",
    "docs": "the contract is no secret",
    "auth-token": "a name and a password are its authentication; limited by address",
    "auth-refresh": "the refresh token is its authentication; limited by address",
    "pms-webhook": "its signature is its authentication",
}


def find_unguarded(resolver: URLResolver) -> list[str]:
    """Endpoints without a scope, or with a scope that does not exist."""
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


def test_every_endpoint_requires_a_scope_that_exists():
    assert len(GUARDED) > 20
    assert find_unguarded(get_resolver()) == []


def test_the_public_list_names_only_existing_endpoints():
    names = {endpoint.name for endpoint in endpoints(get_resolver())}

    assert set(PUBLIC) <= names


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", GUARDED, ids=NAMES)
def test_every_endpoint_refuses_a_missing_key_and_a_missing_scope(endpoint: Endpoint, client_with: ClientWith):
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
def test_an_endpoint_without_a_scope_is_found(view):
    resolver = URLResolver(RegexPattern(r"^"), [path("hole/", view.as_view(), name="hole")])

    assert len(find_unguarded(resolver)) == 1
