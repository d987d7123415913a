"""`fields=`: a reader gets the named fields, but only those that it may see."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

PRODUCTS = "/api/v1/products/"

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_only_the_named_fields_are_shown(reader: JSONClient):
    product = make_product("A-1", name="Lamp")
    shown = {"id": product.pk, "name": "Lamp", "variants": [{"sku": "A-1", "price": "10.00"}]}
    query = {"fields": "variants.price, name,id,variants.sku"}

    assert reader.get(PRODUCTS, query).json()["results"] == [shown]
    assert reader.get(f"{PRODUCTS}{product.pk}/", query).json() == shown


def test_a_field_with_members_is_shown_whole(reader: JSONClient):
    product = make_product("A-1")
    set_stock("A-1", make_location(), 2)
    whole = reader.get(f"{PRODUCTS}{product.pk}/").json()

    for fields in ("variants", "variants,variants.sku", "images", "attributes,options,tags,category"):
        shown = reader.get(f"{PRODUCTS}{product.pk}/", {"fields": fields}).json()
        assert shown == {name: whole[name] for name in fields.split(",") if "." not in name}


@pytest.mark.parametrize("fields", ["", ",", " , "])
def test_an_empty_parameter_means_every_field(reader: JSONClient, fields: str):
    product = make_product()
    url = f"{PRODUCTS}{product.pk}/"

    assert reader.get(url, {"fields": fields}).json() == reader.get(url).json()


@pytest.mark.parametrize("fields", ["nme", "id,search_document", "variants.", "variants.sku_key", "name.x", "ID", "*"])
def test_an_unknown_field_is_422(reader: JSONClient, fields: str):
    product = make_product()

    for url in (PRODUCTS, f"{PRODUCTS}{product.pk}/"):
        problem = reader.get(url, {"fields": fields}).json()
        assert (problem["status"], problem["code"]) == (422, "unknown_field")
        assert [error["pointer"] for error in problem["errors"]] == ["/fields"]


def test_fields_that_the_caller_may_not_see_stay_hidden(reader: JSONClient, editor: JSONClient, storefront: JSONClient):
    product = make_product("A-1", status="active", cost="3.00")
    set_stock("A-1", make_location(), 2)
    url, query = f"{PRODUCTS}{product.pk}/", {"fields": "variants.cost,variants.stock"}
    all_stock = {"on_hand": 2, "reserved": 0, "available": 2}

    assert editor.get(url, query).json() == {"variants": [{"cost": "3.00", "stock": all_stock}]}
    assert reader.get(url, query).json() == {"variants": [{"stock": all_stock}]}
    assert storefront.get(url, query).json() == {"variants": [{"stock": {"available": 2}}]}
    assert storefront.get(url, {"fields": "variants.cost"}).json() == {"variants": [{}]}


def test_fields_that_are_not_named_are_not_read(reader: JSONClient):
    make_product()
    reader.get(PRODUCTS)  # caches the API key, whose lookup is not counted

    def sql(fields: str) -> str:
        with CaptureQueriesContext(connection) as queries:
            assert reader.get(PRODUCTS, {"fields": fields}).status_code == 200
        (query,) = queries
        return query["sql"]

    assert "products_variant" not in sql("id,images")
    assert "inventory_stocklevel" not in sql("variants.sku")
    assert "products_productimage" not in sql("name,variants")
    assert "description" not in sql("name,variants")
    assert "products_category" not in sql("name,variants")
