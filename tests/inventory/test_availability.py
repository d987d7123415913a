"""Availability: many SKUs in one statement, in the order of the question, and what customers see of it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory import services
from inventory.availability import MAX_AVAILABILITY_SKUS
from pms_backend.access.models import INTERNAL_TIER, STOREFRONT_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api.models import IdempotencyKey
from products import services as products
from products.models import Product
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/inventory/availability/"


@pytest.fixture(autouse=True)
def _stock() -> None:
    make_location("main", priority=1)
    make_location("east", priority=2)
    make_product("A-1", status="active")
    make_product("B-1", status="active")
    make_product("C-1", status="active")
    set_stock("A-1", "main", 10)
    set_stock("A-1", "east", 4)
    set_stock("B-1", "east", 1)


def ask(client: Any, *skus: str, **more: Any) -> dict[str, Any]:
    response = client.post(URL, {"skus": skus, **more})
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_results_are_in_the_order_of_the_request_each_sku_once(api) -> None:
    assert ask(api, "b-1", "A-1", "C-1", "X-1", "a-1") == {
        "results": [
            {"sku": "B-1", "available": 1, "locations": {"east": 1}},
            {"sku": "A-1", "available": 14, "locations": {"main": 10, "east": 4}},
            {"sku": "C-1", "available": 0, "locations": {}},
        ],
        "unknown": ["X-1"],
    }


def test_a_change_is_seen_by_the_next_request(api) -> None:
    ask(api, "A-1")

    services.adjust_stock(sku="A-1", location="main", delta=-3, reason="sale")

    assert ask(api, "A-1")["results"][0]["available"] == 11


def test_only_the_active_locations_that_are_named_count(api) -> None:
    make_location("shut", is_active=False)

    named = ask(api, "A-1", "C-1", locations=["main", "shut", "moon"])

    assert named["results"] == [
        {"sku": "A-1", "available": 10, "locations": {"main": 10}},
        {"sku": "C-1", "available": 0, "locations": {}},
    ]


def test_a_closed_location_does_not_count(api) -> None:
    set_stock("A-1", "east", 0)
    set_stock("B-1", "east", 0)
    services.update_location(code="east", values={"is_active": False})

    assert ask(api, "A-1")["results"] == [{"sku": "A-1", "available": 10, "locations": {"main": 10}}]


def test_less_than_zero_is_shown_to_staff_and_as_zero_to_customers(api, client_with) -> None:
    services.adjust_stock(sku="A-1", location="main", delta=-13, reason="damage")
    services.adjust_stock(sku="B-1", location="east", delta=-3, reason="damage")
    storefront = client_with(ALL_SCOPES, tier=STOREFRONT_TIER)

    def quantities(client: Any) -> list[tuple[int, dict[str, int]]]:
        return [(one["available"], one["locations"]) for one in ask(client, "A-1", "B-1")["results"]]

    assert quantities(api) == [(1, {"main": -3, "east": 4}), (-2, {"east": -2})]
    assert quantities(storefront) == [(1, {"main": 0, "east": 4}), (0, {"east": 0})]


def test_a_storefront_does_not_see_unpublished_skus(client_with) -> None:
    products.unpublish_product(product_id=Product.objects.get(variants__sku="B-1").pk)
    products.archive_product(product_id=Product.objects.get(variants__sku="C-1").pk)

    seen = {tier: ask(client_with(ALL_SCOPES, tier=tier), "A-1", "B-1", "C-1") for tier in (STOREFRONT_TIER, "default")}

    assert seen[STOREFRONT_TIER]["unknown"] == ["B-1", "C-1"]
    assert [one["sku"] for one in seen[STOREFRONT_TIER]["results"]] == ["A-1"]
    assert seen["default"]["unknown"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/skus"),
        ({"skus": []}, "/skus"),
        ({"skus": "A-1"}, "/skus"),
        ({"skus": ["A-1", "A\u00001"]}, "/skus/1"),
        ({"skus": ["A-1"] * (MAX_AVAILABILITY_SKUS + 1)}, "/skus"),
        ({"skus": ["A-1"], "locations": []}, "/locations"),
        ({"skus": ["A-1"], "locations": [None]}, "/locations/0"),
    ],
)
def test_bad_input_is_422(api, body: dict[str, Any], pointer: str) -> None:
    response = api.post(URL, body)

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


def test_any_number_of_skus_takes_one_statement(api) -> None:
    ask(api, "A-1")

    def statements(*skus: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            ask(api, *skus)
        return len(captured)

    assert statements("A-1") == statements(*(f"S-{number}" for number in range(MAX_AVAILABILITY_SKUS))) == 1


def test_a_response_is_not_stored_under_an_idempotency_key(api) -> None:
    headers = {"Idempotency-Key": "k-1"}
    api.post(URL, {"skus": ["A-1"]}, headers=headers)
    services.adjust_stock(sku="A-1", location="main", delta=-3, reason="sale")

    response = api.post(URL, {"skus": ["A-1"]}, headers=headers)

    assert response.json()["results"][0]["available"] == 11
    assert "Idempotency-Replayed" not in response
    assert not IdempotencyKey.objects.exists()


def test_it_counts_as_a_read(client_with, settings) -> None:
    settings.RATE_LIMITS = '{"storefront.write": "1/minute", "storefront.read": "3/minute"}'
    storefront = client_with(["inventory:read"], tier=STOREFRONT_TIER)

    statuses = [storefront.post(URL, {"skus": ["A-1"]}).status_code for _ in range(4)]

    assert statuses == [200, 200, 200, 429]


def test_the_scope_is_required(client_with) -> None:
    assert client_with(["products:read"], tier=INTERNAL_TIER).post(URL, {"skus": ["A-1"]}).status_code == 403
