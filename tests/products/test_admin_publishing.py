"""What keeps a draft from being published is said on its page, beside the fields that it speaks of."""

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry

from products import services
from products.models import Product, ProductStatus
from tests.factories import make_product
from tests.products.admin_pages import PUBLISH, errors_of, page, rows_of, send
from tests.products.recorded import recorded
from tests.staff import said, superuser

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea() -> Product:
    """A draft of which the second variant has no price."""
    variants = [{"sku": "TEA-S", "price": "10.00"}, {"sku": "TEA-M"}, {"sku": "TEA-L", "price": "12.00"}]
    return make_product(name="Tea", variants=variants)


def test_a_draft_says_what_is_missing(tea: Product):
    response = superuser().get(page(tea))

    assert response.context["publish_checks"] == [("Enter the price of TEA-M.", "id_variants-1-price")]
    assert 'href="#id_variants-1-price"' in response.content.decode()


def test_many_missing_prices_are_counted():
    product = make_product(variants=[{"sku": f"TEA-{number}"} for number in range(10)])

    response = superuser().get(page(product))

    assert len(response.context["publish_checks"]) == 3
    assert "and 7 more" in response.content.decode()


def test_a_complete_or_published_product_says_nothing():
    complete, published = make_product("A-1"), make_product("B-1", status="active")
    client = superuser()

    assert client.get(page(complete)).context["publish_checks"] == []
    assert "publish_checks" not in client.get(page(published)).context


def test_a_refused_try_says_it_at_the_field_and_keeps_what_was_typed(tea: Product):
    response = send(superuser(), page(tea), **PUBLISH, name="Green tea", rows_2_price="13.00")

    assert errors_of(response) == [{}, {"price": ["TEA-M has no price."]}, {}]
    form = response.context_data["adminform"].form
    assert (form.non_field_errors(), form["name"].value()) == ([], "Green tea")
    assert rows_of(response).forms[2]["price"].value() == "13.00"
    tea.refresh_from_db()
    assert (tea.status, tea.name, tea.version) == (ProductStatus.DRAFT, "Tea", 1)
    assert len(recorded()) == 1
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("archived", [False, True])
def test_a_new_row_without_a_price_is_named_too(tea: Product, archived: bool):
    more = {"rows_1_is_archived": "on"} if archived else {"rows_1_price": "11.00"}

    response = send(superuser(), page(tea), {"sku": "TEA-XL"}, **PUBLISH, **more)

    assert errors_of(response) == [{}, {}, {}, {"price": ["TEA-XL has no price."]}]


def test_with_the_price_it_is_published(tea: Product):
    client = superuser()

    response = send(client, page(tea), **PUBLISH, rows_1_price="11.00")

    tea.refresh_from_db()
    assert tea.status == ProductStatus.ACTIVE
    assert tea.variants.get(sku="TEA-M").price == Decimal("11.00")
    assert "Tea is published." in said(client.get(response["Location"]))


def test_a_published_product_does_not_lose_a_price(tea: Product):
    services.update_product(product_id=tea.pk, data={"variants": [{"sku": "TEA-M", "price": Decimal(9)}]})
    services.publish_product(product_id=tea.pk)

    response = send(superuser(), page(tea), rows_2_price="")

    assert errors_of(response) == [{}, {}, {"price": ["TEA-L has no price."]}]
    assert tea.variants.get(sku="TEA-L").price == Decimal("12.00")
