"""The list of products in the admin."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from products import services
from tests.factories import make_location, make_product, make_variant, set_stock
from tests.products.admin_pages import LIST
from tests.staff import member_of, superuser

pytestmark = pytest.mark.django_db


def test_it_sums_stock_over_variants_and_active_locations():
    product = make_product("A-1")
    make_variant("A-2", product=product)
    main, west = make_location(), make_location("west")
    for sku, location, on_hand in (("A-1", main, 5), ("A-2", west, 7)):
        set_stock(sku, location, on_hand)

    (row,) = superuser().get(LIST).context["cl"].result_list

    assert (row.variants_count, row.stock_on_hand, row.stock_reserved) == (2, 12, 0)


def test_it_shows_the_price_or_the_range_of_the_current_variants():
    make_product(name="One", sku="A-1", price="1250.50")
    several = [{"sku": f"B-{price}", "price": price} for price in ("12.50", "9.90", "1.00")]
    product = make_product(name="Several", variants=several)
    gone = product.variants.get(sku="B-1.00")
    services.update_product(product_id=product.pk, data={"variants": [{"id": gone.pk, "is_archived": True}]})
    make_product(name="None", sku="C-1", price=None)
    make_product(name="Two", variants=[{"sku": f"D-{of}", "price": "2", "currency": of} for of in ("EUR", "USD")])

    response = superuser().get(LIST)

    admin = response.context["cl"].model_admin
    assert {row.name: admin.prices(row) for row in response.context["cl"].result_list} == {
        "One": "1,250.50 USD",
        "Several": "9.90 \u2013 12.50 USD",
        "None": None,
        "Two": "2.00",
    }
    assert {row.name: row.variants_count for row in response.context["cl"].result_list}["Several"] == 2


def test_it_is_filtered_by_brand_and_by_a_missing_price():
    make_product("A-1", brand="Acme")
    make_product("B-2", name="Chair", brand="Other", price=None)
    product = make_product("C-3", name="Table", price=None)
    make_variant("C-4", product=product)
    services.update_product(
        product_id=product.pk, data={"variants": [{"id": product.variants.get(sku="C-3").pk, "is_archived": True}]}
    )

    client = superuser()

    def found(**query: str) -> list[str]:
        return [row.name for row in client.get(LIST, query).context["cl"].result_list]

    assert found(brand="Other") == ["Chair"]
    assert (found(price="missing"), found(price="complete")) == (["Chair"], ["Table", "Lamp"])


def test_an_empty_list_says_how_products_come_into_it():
    assert "Add a product here, import a file, or connect a PMS." in superuser().get(LIST).content.decode()


def test_it_shows_no_stock_to_a_counter():
    make_product("A-1")

    columns = member_of("Counter").get(LIST).context["cl"].list_display

    assert not {"on_hand", "available"} & set(columns)


def test_it_takes_as_many_queries_for_many_products():
    client = superuser()
    make_product("A-0")
    client.get(LIST)
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        counts.append(len(queries))
        make_product(f"A-{number + 1}", brand=f"Brand {number}")

    assert counts[0] == counts[1] <= 12
