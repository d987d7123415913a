"""A button makes a copy of a product, and opens it."""

import pytest

from products.models import MAX_NAME_LENGTH, Product
from products.skus import MAX_SKU_LENGTH
from tests.factories import make_product
from tests.products.admin_pages import page
from tests.staff import member_of, said, superuser

pytestmark = pytest.mark.django_db


def test_it_asks_first():
    product = make_product("A-1")

    response = superuser().get(page(product, "duplicate"))

    assert "Duplicate Lamp?" in response.content.decode()
    assert Product.objects.count() == 1


def test_it_opens_the_copy():
    product, client = make_product("A-1"), superuser()

    response = client.post(page(product, "duplicate"), {"sent": "1"}, follow=True)

    copy = Product.objects.get(name="Lamp (copy)")
    assert response.redirect_chain == [(page(copy), 302)]
    assert said(response) == ["Lamp (copy) is a draft. Change its SKUs and texts, then publish it."]
    assert copy.variants.get().sku == "A-1-COPY"


def test_a_long_name_is_cut():
    product = make_product("A-1", name="L" * MAX_NAME_LENGTH)

    superuser().post(page(product, "duplicate"), {"sent": "1"})

    assert Product.objects.filter(name="L" * MAX_NAME_LENGTH).count() == 2


def test_a_refusal_is_shown_on_the_page():
    product = make_product("A" * MAX_SKU_LENGTH)

    response = superuser().post(page(product, "duplicate"), {"sent": "1"})

    assert response.context["form"].non_field_errors() == ["A SKU has 1 to 255 characters."]
    assert Product.objects.count() == 1


def test_a_role_that_only_views_makes_no_copy():
    product, client = make_product("A-1"), member_of("Warehouse")

    answers = [client.get(page(product, "duplicate")), client.post(page(product, "duplicate"), {"sent": "1"})]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert Product.objects.count() == 1
