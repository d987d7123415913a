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
from pms_backend.access.scopes import ALL_SCOPES, STOREFRONT_SCOPES
from tests.access.issuer import Project, sign
from tests.architecture.addresses import SAMPLES
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
    "get /health/ready": Row(None, 200),
    "get /metrics": Row(None, 200),
    "get /api/schema/": Row(None, 200),
    "get /api/docs/": Row(None, 200),
    "get /admin/language/": Row(None, 302),
    "post /api/v1/auth/token/": Row(None, 422),
    "post /api/v1/auth/refresh/": Row(None, 422),
    "post /api/v1/webhooks/pms/main/": Row(None, 404),
    "get /api/v1/webhooks/endpoints/": Row("webhooks:read", 200),
    "post /api/v1/webhooks/endpoints/": Row("webhooks:write", 422),
    "get /api/v1/webhooks/endpoints/1/": Row("webhooks:read", 404),
    "patch /api/v1/webhooks/endpoints/1/": Row("webhooks:write", 404),
    "delete /api/v1/webhooks/endpoints/1/": Row("webhooks:write", 404),
    "post /api/v1/webhooks/endpoints/1/rotate-secret/": Row("webhooks:write", 404),
    "post /api/v1/webhooks/endpoints/1/test/": Row("webhooks:write", 404),
    "post /api/v1/webhooks/endpoints/1/enable/": Row("webhooks:write", 404),
    "post /api/v1/webhooks/endpoints/1/replay/": Row("webhooks:write", 422),
    "get /api/v1/webhooks/deliveries/": Row("webhooks:read", 200),
    "get /api/v1/webhooks/deliveries/1/": Row("webhooks:read", 404),
    "post /api/v1/webhooks/deliveries/1/redeliver/": Row("webhooks:write", 404),
    "get /api/v1/products/": Row("products:read", 200, storefront=True),
    "post /api/v1/products/": Row("products:write", 422),
    "get /api/v1/products/1/": Row("products:read", 404, storefront=True),
    "put /api/v1/products/1/": Row("products:write", 422),
    "patch /api/v1/products/1/": Row("products:write", 404),
    "patch /api/v1/products/variants/1/": Row("products:write", 404),
    "delete /api/v1/products/1/": Row("products:write", 404),
    "post /api/v1/products/1/publish/": Row("products:write", 404),
    "post /api/v1/products/1/restore/": Row("products:write", 404),
    "post /api/v1/products/1/unpublish/": Row("products:write", 404),
    "get /api/v1/products/variants/": Row("products:read", 200, storefront=True),
    "get /api/v1/products/variants/1/": Row("products:read", 404, storefront=True),
    "post /api/v1/products/bulk/": Row("products:write", 422),
    "post /api/v1/products/imports/": Row("products:write", 422),
    "get /api/v1/products/imports/1/": Row("products:read", 404),
    "get /api/v1/products/imports/1/changes/": Row("products:read", 404),
    "get /api/v1/products/imports/1/errors/": Row("products:write", 404),
    "get /api/v1/products/export/": Row("products:read", 200),
    "get /api/v1/products/categories/": Row("products:read", 200, storefront=True),
    "post /api/v1/products/categories/": Row("products:write", 422),
    "get /api/v1/products/categories/main/": Row("products:read", 404, storefront=True),
    "patch /api/v1/products/categories/main/": Row("products:write", 404),
    "delete /api/v1/products/categories/main/": Row("products:write", 404),
    "post /api/v1/products/images/uploads/": Row("products:write", 422),
    "get /api/v1/products/1/images/": Row("products:read", 404, storefront=True),
    "get /api/v1/products/1/history/": Row("products:write", 404),
    "post /api/v1/products/1/images/": Row("products:write", 422),
    "patch /api/v1/products/1/images/1/": Row("products:write", 404),
    "delete /api/v1/products/1/images/1/": Row("products:write", 404),
    f"get /media/{SAMPLES['name']}": Row(None, 404),
    "get /api/v1/inventory/levels/": Row("inventory:read", 200),
    "get /api/v1/inventory/levels/A-1/": Row("inventory:read", 404),
    "get /api/v1/inventory/levels/A-1/main/": Row("inventory:read", 404),
    "patch /api/v1/inventory/levels/A-1/main/": Row("inventory:write", 404),
    "post /api/v1/inventory/adjustments/": Row("inventory:write", 422),
    "post /api/v1/inventory/movements/1/reverse/": Row("inventory:write", 404),
    "post /api/v1/inventory/adjustments/bulk/": Row("inventory:write", 422),
    "post /api/v1/inventory/counts/": Row("inventory:write", 422),
    "post /api/v1/inventory/counts/bulk/": Row("inventory:write", 422),
    "get /api/v1/inventory/alerts/": Row("inventory:read", 200),
    "post /api/v1/inventory/availability/": Row("inventory:read", 422, storefront=True),
    "get /api/v1/inventory/movements/": Row("inventory:read", 200),
    "get /api/v1/inventory/locations/": Row("inventory:read", 200),
    "post /api/v1/inventory/locations/": Row("inventory:write", 422),
    "get /api/v1/inventory/locations/main/": Row("inventory:read", 404),
    "patch /api/v1/inventory/locations/main/": Row("inventory:write", 404),
    "get /api/v1/inventory/reservations/": Row("inventory:read", 200, storefront=True),
    "post /api/v1/inventory/reservations/": Row("inventory:write", 422, storefront=True),
    "get /api/v1/inventory/reservations/1/": Row("inventory:read", 404, storefront=True),
    "post /api/v1/inventory/reservations/1/commit/": Row("inventory:write", 404, storefront=True),
    "post /api/v1/inventory/reservations/1/extend/": Row("inventory:write", 404, storefront=True),
    "post /api/v1/inventory/reservations/1/release/": Row("inventory:write", 404, storefront=True),
    "get /api/v1/inventory/transfers/": Row("inventory:read", 200),
    "post /api/v1/inventory/transfers/": Row("inventory:write", 422),
    "get /api/v1/inventory/transfers/1/": Row("inventory:read", 404),
    "patch /api/v1/inventory/transfers/1/": Row("inventory:write", 404),
    "post /api/v1/inventory/transfers/1/ship/": Row("inventory:write", 404),
    "post /api/v1/inventory/transfers/1/receive/": Row("inventory:write", 404),
    "post /api/v1/inventory/transfers/1/cancel/": Row("inventory:write", 404),
    "get /api/v1/inventory/stocktakes/": Row("inventory:read", 200),
    "post /api/v1/inventory/stocktakes/": Row("inventory:write", 422),
    "get /api/v1/inventory/stocktakes/1/": Row("inventory:read", 404),
    "patch /api/v1/inventory/stocktakes/1/": Row("inventory:write", 422),
    "get /api/v1/inventory/stocktakes/1/lines/": Row("inventory:read", 404),
    "post /api/v1/inventory/stocktakes/1/post/": Row("inventory:write", 404),
    "post /api/v1/inventory/stocktakes/1/cancel/": Row("inventory:write", 404),
    "get /api/v1/pms/connections/": Row("pms:read", 200),
    "post /api/v1/pms/connections/": Row("pms:write", 422),
    "get /api/v1/pms/connections/main/": Row("pms:read", 404),
    "patch /api/v1/pms/connections/main/": Row("pms:write", 404),
    "delete /api/v1/pms/connections/main/": Row("pms:write", 404),
    "post /api/v1/pms/connections/main/rotate-secret/": Row("pms:write", 404),
    "post /api/v1/pms/connections/main/pause/": Row("pms:write", 404),
    "post /api/v1/pms/connections/main/resume/": Row("pms:write", 404),
    "post /api/v1/pms/connections/main/ownership/": Row("pms:write", 422),
    "post /api/v1/pms/connections/main/test/": Row("pms:write", 404),
    "get /api/v1/pms/connections/main/locations/": Row("pms:read", 404),
    "post /api/v1/pms/connections/main/sync/": Row("pms:write", 422),
    "get /api/v1/pms/products/": Row("pms:read", 200),
    "get /api/v1/pms/products/1/": Row("pms:read", 404),
    "post /api/v1/pms/products/link/": Row("pms:write", 422),
    "post /api/v1/pms/products/1/resolve/": Row("pms:write", 422),
    "post /api/v1/pms/products/publish/": Row("pms:write", 422),
    "get /api/v1/pms/inventory/": Row("pms:read", 200),
    "post /api/v1/pms/inventory/push/": Row("pms:write", 422),
    "get /api/v1/pms/sync-runs/": Row("pms:read", 200),
    "get /api/v1/pms/sync-runs/1/": Row("pms:read", 404),
    "get /api/v1/pms/sync-runs/1/differences/": Row("pms:read", 404),
    "post /api/v1/pms/sync-runs/1/cancel/": Row("pms:write", 404),
    "post /api/v1/pms/sync-runs/1/confirm/": Row("pms:write", 404),
    "get /api/v1/pms/events/": Row("pms:read", 200),
    "get /api/v1/pms/events/summary/": Row("pms:read", 200),
    "get /api/v1/pms/events/1/": Row("pms:read", 404),
    "post /api/v1/pms/events/1/retry/": Row("pms:write", 404),
    "post /api/v1/pms/events/retry/": Row("pms:write", 200),
    "get /api/v1/events/": Row("events:read", 200),
    "post /api/v1/realtime/tickets/": Row("inventory:read", 201),
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


def status_of(endpoint: Endpoint, client: JSONClient | None = None, **headers: str) -> int:
    return getattr(client or JSONClient(), endpoint.method)(endpoint.url, headers=headers).status_code


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


HOLDERS_OF_NOTHING: dict[str, Callable[[Project], dict[str, str]]] = {
    "nobody": lambda _: {},
    "expired key": lambda _: {"Authorization": f"Api-Key {expired_key()}"},
    "revoked key": lambda _: {"Authorization": f"Api-Key {revoked_key()}"},
    "rotated away key": lambda _: {"X-Api-Key": rotated_away_key()},
    "foreign key": lambda _: {"X-Api-Key": foreign_key()},
    "expired token": lambda project: {"Authorization": f"Bearer {expired_token(project)}"},
    "revoked token": lambda project: {"Authorization": f"Bearer {revoked_token(project)}"},
    "foreign token": lambda project: {"Authorization": f"Bearer {foreign_token(project)}"},
}
PUBLIC_ONES = [endpoint for endpoint in ENDPOINTS if endpoint.name in PUBLIC]
GUARDED = [endpoint for endpoint in ENDPOINTS if endpoint.name not in PUBLIC]

pytestmark = pytest.mark.django_db


def answers(found: list[Endpoint], client: JSONClient | None = None, **headers: str) -> dict[str, int]:
    """The status of each endpoint for whoever sends these headers, or is logged in as this client."""
    return {name_of(endpoint): status_of(endpoint, client, **headers) for endpoint in found}


def wanted(let_in: Callable[[Row], bool]) -> dict[str, int]:
    """What the table says for whoever is let in where `let_in` says so."""
    return {name: row.status if let_in(row) else 403 for name, row in TABLE.items() if row.scope}


def test_every_endpoint_is_in_the_table_and_nothing_else_is():
    assert {name_of(endpoint) for endpoint in ENDPOINTS} == set(TABLE)
    assert {name_of(one) for one in PUBLIC_ONES} == {name for name, row in TABLE.items() if not row.scope}


@pytest.mark.parametrize("holder", HOLDERS_OF_NOTHING)
def test_what_is_public_is_so_for_everybody(holder: str, project: Project):
    public = {name: row.status for name, row in TABLE.items() if not row.scope}

    assert answers(PUBLIC_ONES, **HOLDERS_OF_NOTHING[holder](project)) == public


@pytest.mark.parametrize("holder", HOLDERS_OF_NOTHING)
def test_nothing_else_is_for_somebody_whose_credential_is_not_good(holder: str, project: Project):
    found = answers(GUARDED, **HOLDERS_OF_NOTHING[holder](project))

    assert found == dict.fromkeys(map(name_of, GUARDED), 401)


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_a_scope_opens_what_asks_for_it_and_nothing_else(scope: str, project: Project):
    token = project.token("first", app_metadata={"scopes": [scope]})
    by_scope = wanted(lambda row: row.scope == scope)

    assert answers(GUARDED, **{"X-Api-Key": key_with([scope])}) == by_scope
    assert answers(GUARDED, Authorization=f"Bearer {token}") == by_scope


def test_a_storefront_is_let_in_to_what_is_open_to_storefronts(project: Project):
    open_to_storefronts = wanted(lambda row: row.storefront)
    # Whom Supabase signed up has no more scopes than any customer.
    open_to_customers = wanted(lambda row: row.storefront and row.scope in STOREFRONT_SCOPES)

    assert answers(GUARDED, **{"X-Api-Key": key_with(list(ALL_SCOPES), tier=STOREFRONT_TIER)}) == open_to_storefronts
    assert answers(GUARDED, Authorization=f"Bearer {project.token('first')}") == open_to_customers
