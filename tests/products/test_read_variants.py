"""One variant by itself: found by SKU, barcode or product, and shown to those who may see it."""

import pytest

from products.models import ProductStatus, Variant
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, make_variant, set_stock

VARIANTS = "/api/v1/products/variants/"

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def skus(client: JSONClient, **query: object) -> list[str]:
    response = client.get(VARIANTS, query)
    assert response.status_code == 200, response.content
    return [variant["sku"] for variant in response.json()["results"]]


def archive(sku: str) -> Variant:
    Variant.objects.filter(sku=sku).update(is_archived=True)
    return Variant.objects.get(sku=sku)


def test_a_variant_is_shown_with_its_stock_and_data_of_its_product(editor: JSONClient):
    product = make_product("A-1", cost="3.00")
    set_stock("A-1", make_location(), 4)
    variant = Variant.objects.get(sku="A-1")

    shown = editor.get(f"{VARIANTS}{variant.pk}/").json()

    assert shown == {
        "id": variant.pk,
        "sku": "A-1",
        "barcode": "",
        "name": "",
        "weight_grams": None,
        "options": {},
        "position": 0,
        "price": "10.00",
        "currency": "USD",
        "compare_at_price": None,
        "cost": "3.00",
        "stock": {"on_hand": 4, "reserved": 0, "available": 4},
        "product": product.pk,
        "is_archived": False,
        "version": 1,
    }
    assert editor.get(VARIANTS).json()["results"] == [shown]


def test_filters_find_matching_variants(reader: JSONClient):
    product = make_product("A-1", barcode="123")
    make_variant("A-2", product=product)
    other = make_product("B-1")

    assert skus(reader) == ["B-1", "A-2", "A-1"]
    assert skus(reader, sku="a-2") == skus(reader, sku=" A-2 ") == ["A-2"]
    assert skus(reader, sku="A") == skus(reader, sku="x" * 256) == skus(reader, barcode="12") == []
    assert skus(reader, barcode="123") == ["A-1"]
    assert skus(reader, product=product.pk) == ["A-2", "A-1"]
    assert skus(reader, product=2**70) == skus(reader, product=0) == []
    assert skus(reader, updated_after=other.updated_at.isoformat()) == []
    assert skus(reader, ordering="updated_at") == ["A-1", "A-2", "B-1"]


@pytest.mark.parametrize("query", ["product=one", "updated_after=now", "ordering=sku", "search=x", "status=any"])
def test_a_filter_that_cannot_be_read_is_422(reader: JSONClient, query: str):
    assert reader.get(f"{VARIANTS}?{query}").status_code == 422


def test_the_list_shows_current_variants_alone(reader: JSONClient):
    product = make_product("A-1")
    make_variant("A-2", product=product)
    gone = archive("A-2")
    make_product("B-1", status="archived")

    assert skus(reader) == ["A-1"]
    assert reader.get(f"{VARIANTS}{gone.pk}/").json()["is_archived"] is True
    shown = reader.get(f"/api/v1/products/{product.pk}/").json()
    assert [variant["sku"] for variant in shown["variants"]] == ["A-1"]
    assert reader.get("/api/v1/products/?sku=A-2").json()["results"] == []


def test_a_storefront_sees_current_variants_of_what_is_published_without_cost(storefront: JSONClient):
    for number, status in enumerate(ProductStatus.values):
        make_product(f"{status}-{number}", status=status, cost="3.00")
    make_variant("active-2", product=Variant.objects.get(sku__startswith="active").product)
    archive("active-2")
    shown = skus(storefront)

    assert shown == ["active-1"]
    for variant in Variant.objects.all():
        response = storefront.get(f"{VARIANTS}{variant.pk}/")
        assert response.status_code == (200 if variant.sku in shown else 404)
        assert skus(storefront, sku=variant.sku) == ([variant.sku] if variant.sku in shown else [])
        assert b'"cost"' not in response.content
        assert b'"on_hand"' not in response.content


def test_an_unknown_variant_is_404(reader: JSONClient):
    response = reader.get(f"{VARIANTS}{10**17}/")

    assert (response.status_code, response.json()["code"]) == (404, "variant_not_found")


def test_both_cost_one_query(reader: JSONClient, django_assert_num_queries):
    variant = make_variant("A-1")
    reader.get(VARIANTS)  # caches the API key, whose lookup is not counted

    with django_assert_num_queries(1):
        reader.get(VARIANTS)
    with django_assert_num_queries(1):
        reader.get(f"{VARIANTS}{variant.pk}/")
