"""Who sees what: a storefront sees what is published, without its cost, and what of it is available."""

import pytest

from pms_backend.access.models import DEFAULT_TIER, INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.events.models import Event
from tests.access.issuer import Project
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_location, make_product, set_stock

PRODUCTS = "/api/v1/products/"

pytestmark = pytest.mark.django_db


def test_a_storefront_sees_published_products_without_cost_and_with_what_is_available(client_with: ClientWith):
    make_location("main")
    shown = make_product("A-1", status="active", cost="4.00")
    draft = make_product("B-1")
    set_stock("A-1", "main", 7)
    storefront = client_with(ALL_SCOPES, tier=STOREFRONT_TIER)

    listed = storefront.get(PRODUCTS).json()["results"]

    assert [product["id"] for product in listed] == [shown.pk]
    assert listed[0]["variants"][0]["stock"] == {"available": 7}
    assert "cost" not in listed[0]["variants"][0]
    assert storefront.get(f"{PRODUCTS}{draft.pk}/").status_code == 404
    assert storefront.get(PRODUCTS, {"status": "any"}).json()["results"] == listed


@pytest.mark.parametrize(
    ("scopes", "sees_cost"), [(["products:read"], False), (["products:read", "products:write"], True)]
)
def test_cost_needs_products_write(client_with: ClientWith, scopes: list[str], sees_cost: bool):
    product = make_product("A-1", cost="4.00")

    variant = client_with(scopes).get(f"{PRODUCTS}{product.pk}/").json()["variants"][0]

    assert ("cost" in variant) is sees_cost


@pytest.mark.parametrize(
    "path",
    [
        "inventory/levels/",
        "inventory/levels/A-1/",
        "inventory/movements/",
        "inventory/locations/",
        "pms/events/",
        "events/",
        "access/clients/",
        "access/audit/",
    ],
)
def test_a_storefront_reads_nothing_else_whichever_scopes_it_has(client_with: ClientWith, path: str):
    make_product("A-1")

    response = client_with(ALL_SCOPES, tier=STOREFRONT_TIER).get(f"/api/v1/{path}")

    assert (response.status_code, response.json()["detail"]) == (403, "This is not for storefronts.")


def test_a_storefront_writes_nothing(client_with: ClientWith):
    product = make_product("A-1", status="active")
    storefront = client_with(ALL_SCOPES, tier=STOREFRONT_TIER)
    before = Event.objects.count()

    answers = [
        storefront.post(PRODUCTS, {"name": "Mine", "variants": [{"sku": "M-1"}]}),
        storefront.patch(f"{PRODUCTS}{product.pk}/", {"name": "Mine"}),
        storefront.post(f"{PRODUCTS}bulk/", {"products": []}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Event.objects.count() == before


@pytest.mark.parametrize("tier", [DEFAULT_TIER, INTERNAL_TIER])
def test_others_see_drafts_and_the_whole_stock(client_with: ClientWith, tier: str):
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", 7)

    variant = client_with(["products:read"], tier=tier).get(PRODUCTS).json()["results"][0]["variants"][0]

    assert variant["stock"] == {"on_hand": 7, "reserved": 0, "available": 7}


def test_a_customer_whom_supabase_signed_up_sees_what_is_available_and_no_level(project: Project):
    make_location("main")
    make_product("A-1", status="active")
    set_stock("A-1", "main", 7)
    client, headers = JSONClient(), {"Authorization": f"Bearer {project.token('first')}"}

    asked = client.post("/api/v1/inventory/availability/", {"skus": ["A-1"]}, headers=headers)

    assert asked.json()["results"] == [{"sku": "A-1", "available": 7, "locations": {"main": 7}}]
    assert client.get("/api/v1/inventory/levels/A-1/", headers=headers).status_code == 403
