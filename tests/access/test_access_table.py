"""Who is let in where: every endpoint, with every kind of key and token, and the exact status.

An endpoint that is not in the table fails the test.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import get_resolver
from django.utils import timezone

from pms_backend.access import services
from pms_backend.access.models import STOREFRONT_TIER, SupabaseUser
from pms_backend.access.scopes import ALL_SCOPES
from tests.access.issuer import Project, sign
from tests.architecture.test_endpoints import PUBLIC, Endpoint, endpoints
from tests.conftest import JSONClient


@dataclass(frozen=True)
class Row:
    """The scope that is asked for, the status of an empty request that has it, and whether storefronts are let in."""

    scope: str | None
    status: int
    storefront: bool = False


TABLE = {
    "get /": Row(None, 200),
    "get /health/live": Row(None, 200),
    "get /health/ready": Row(None, 503),
    "get /metrics": Row(None, 200),
    "get /api/schema/": Row(None, 200),
    "get /api/docs/": Row(None, 200),
    "post /api/v1/auth/token/": Row(None, 422),
    "post /api/v1/auth/refresh/": Row(None, 422),
    "post /api/v1/webhooks/pms/main/": Row(None, 404),
    "get /api/v1/products/": Row("products:read", 200, storefront=True),
    "post /api/v1/products/": Row("products:write", 422),
    "get /api/v1/products/1/": Row("products:read", 404, storefront=True),
    "patch /api/v1/products/1/": Row("products:write", 404),
    "delete /api/v1/products/1/": Row("products:write", 404),
    "post /api/v1/products/1/publish/": Row("products:write", 404),
    "post /api/v1/products/1/restore/": Row("products:write", 404),
    "post /api/v1/products/1/unpublish/": Row("products:write", 404),
    "post /api/v1/products/bulk/": Row("products:write", 422),
    "get /api/v1/products/categories/": Row("products:read", 200, storefront=True),
    "post /api/v1/products/categories/": Row("products:write", 422),
    "get /api/v1/products/categories/main/": Row("products:read", 404, storefront=True),
    "patch /api/v1/products/categories/main/": Row("products:write", 404),
    "delete /api/v1/products/categories/main/": Row("products:write", 404),
    "get /api/v1/inventory/levels/": Row("inventory:read", 200),
    "get /api/v1/inventory/levels/A-1/": Row("inventory:read", 404),
    "get /api/v1/inventory/levels/A-1/main/": Row("inventory:read", 404),
    "patch /api/v1/inventory/levels/A-1/main/": Row("inventory:write", 404),
    "post /api/v1/inventory/adjustments/": Row("inventory:write", 422),
    "post /api/v1/inventory/adjustments/bulk/": Row("inventory:write", 422),
    "post /api/v1/inventory/counts/": Row("inventory:write", 422),
    "post /api/v1/inventory/counts/bulk/": Row("inventory:write", 422),
    "get /api/v1/inventory/movements/": Row("inventory:read", 200),
    "get /api/v1/inventory/locations/": Row("inventory:read", 200),
    "post /api/v1/inventory/locations/": Row("inventory:write", 422),
    "get /api/v1/inventory/locations/main/": Row("inventory:read", 404),
    "patch /api/v1/inventory/locations/main/": Row("inventory:write", 404),
    "get /api/v1/pms/events/": Row("pms:read", 200),
    "get /api/v1/pms/events/summary/": Row("pms:read", 200),
    "get /api/v1/pms/events/1/": Row("pms:read", 404),
    "post /api/v1/pms/events/1/retry/": Row("pms:write", 404),
    "get /api/v1/events/": Row("events:read", 200),
    "get /api/v1/access/audit/": Row("access:admin", 200),
    "get /api/v1/access/clients/": Row("access:admin", 200),
    "post /api/v1/access/clients/": Row("access:admin", 422),
    "get /api/v1/access/clients/AbCd1234/": Row("access:admin", 404),
    "patch /api/v1/access/clients/AbCd1234/": Row("access:admin", 404),
    "post /api/v1/access/clients/AbCd1234/revoke/": Row("access:admin", 404),
    "post /api/v1/access/clients/AbCd1234/rotate/": Row("access:admin", 404),
}

ENDPOINTS = list(endpoints(get_resolver()))


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.url}"


def status_of(endpoint: Endpoint, **headers: str) -> int:
    return getattr(JSONClient(), endpoint.method)(endpoint.url, headers=headers).status_code


def key_with(scopes: list[str], **more: Any) -> str:
    return services.create_api_client(name="tests", scopes=scopes, **more).api_key


def expired_key() -> str:
    return key_with(list(ALL_SCOPES), expires_at=timezone.now() - timedelta(seconds=1))


def revoked_key() -> str:
    credentials = services.create_api_client(name="tests", scopes=ALL_SCOPES)
    services.revoke_api_client(client_id=credentials.client.public_id)
    return credentials.api_key


def rotated_away_key() -> str:
    credentials = services.create_api_client(name="tests", scopes=ALL_SCOPES)
    services.rotate_keys(client_id=credentials.client.public_id, overlap=timedelta(0))
    return credentials.api_key


def foreign_key() -> str:
    """A key as another installation gives it, with the beginning of one of ours."""
    return key_with(list(ALL_SCOPES)).partition(".")[0] + "." + "x" * 32


def expired_token(project: Project) -> str:
    return project.token("first", exp=int(time.time()) - 60, app_metadata={"scopes": list(ALL_SCOPES)})


def foreign_token(project: Project) -> str:
    """Of another project, whose key has the name of one of ours."""
    other = Project()
    return sign(project.claims(app_metadata={"scopes": list(ALL_SCOPES)}), other.add_key("first"), "ES256", kid="first")


def revoked_token(project: Project) -> str:
    """Of somebody whom staff have deactivated."""
    user = User.objects.create_user("supabase:gone", is_active=False)
    SupabaseUser.objects.create(subject="gone", user=user)
    return project.token("first", sub="gone", app_metadata={"scopes": list(ALL_SCOPES)})


BAD_KEYS: tuple[Callable[[], str], ...] = (expired_key, revoked_key, rotated_away_key, foreign_key)
BAD_TOKENS: tuple[Callable[[Project], str], ...] = (expired_token, revoked_token, foreign_token)


def test_every_endpoint_is_in_the_table_and_nothing_else_is():
    assert {name_of(endpoint) for endpoint in ENDPOINTS} == set(TABLE)
    assert {name_of(one) for one in ENDPOINTS if one.name in PUBLIC} == {n for n, row in TABLE.items() if not row.scope}


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.name in PUBLIC], ids=name_of)
def test_what_is_public_is_so_for_everybody(endpoint: Endpoint):
    wanted = TABLE[name_of(endpoint)].status

    assert status_of(endpoint) == wanted
    assert status_of(endpoint, **{"X-Api-Key": foreign_key()}) == wanted


@pytest.mark.django_db
@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.name not in PUBLIC], ids=name_of)
def test_the_rest_is_for_those_who_have_the_one_scope(endpoint: Endpoint, project: Project):
    row = TABLE[name_of(endpoint)]
    wanted = {scope: row.status if scope == row.scope else 403 for scope in ALL_SCOPES}
    others = [scope for scope in ALL_SCOPES if scope != row.scope]

    with_keys = {scope: status_of(endpoint, **{"X-Api-Key": key_with([scope])}) for scope in ALL_SCOPES}
    with_tokens = {
        scope: status_of(endpoint, Authorization=f"Bearer {project.token('first', app_metadata={'scopes': [scope]})}")
        for scope in ALL_SCOPES
    }
    nobody = [status_of(endpoint)]
    nobody += [status_of(endpoint, Authorization=f"Api-Key {make()}") for make in BAD_KEYS]
    nobody += [status_of(endpoint, Authorization=f"Bearer {make(project)}") for make in BAD_TOKENS]
    storefront = status_of(endpoint, **{"X-Api-Key": key_with(list(ALL_SCOPES), tier=STOREFRONT_TIER)})
    signed_up = status_of(endpoint, Authorization=f"Bearer {project.token('first')}")

    assert with_keys == with_tokens == wanted
    assert set(nobody) == {401}
    assert status_of(endpoint, **{"X-Api-Key": key_with(others)}) == 403
    assert (storefront, signed_up) == ((row.status,) * 2 if row.storefront else (403, 403))
