"""One variant of a product is archived by an update of the product, with its other changes."""

import pytest
from django.db import IntegrityError, transaction

from products import services
from products.exceptions import PublishRulesFailed
from products.models import Product
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, make_variant, set_stock
from tests.products.recorded import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def lamp() -> Product:
    """A published product with two variants."""
    product = make_product("A-1", status="active")
    make_variant("A-2", product=product, price="5.00")
    return product


def archive(product: Product, *skus: str) -> None:
    variants = product.variants.filter(sku__in=skus)
    data = {"variants": [{"id": variant.pk, "is_archived": True} for variant in variants]}
    services.update_product(product_id=product.pk, data=data)


def test_it_leaves_the_product_and_keeps_its_stock(lamp: Product, editor: JSONClient):
    set_stock("A-2", make_location(), 3)
    before = recorded()

    archive(lamp, "A-2")

    shown = editor.get(f"/api/v1/products/{lamp.pk}/").json()
    gone = lamp.variants.get(sku="A-2")
    assert [variant["sku"] for variant in shown["variants"]] == ["A-1"]
    assert (gone.is_archived, gone.levels.get().on_hand, shown["version"]) == (True, 3, 3)
    assert Product.objects.get().lowest_price == 10
    assert recorded()[len(before) :] == [("product.updated", f"product:{lamp.pk}")]


def test_archiving_it_again_changes_nothing(lamp: Product):
    archive(lamp, "A-2")

    archive(lamp, "A-2")

    assert Product.objects.get().version == 3


def test_the_last_one_stays(lamp: Product):
    archive(lamp, "A-2")

    with pytest.raises(PublishRulesFailed):
        archive(lamp, "A-1")
    services.unpublish_product(product_id=lamp.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        archive(lamp, "A-1")
        # The rule is checked at the end of a transaction; that of the test does not end here.
        transaction.get_connection().check_constraints()

    assert not lamp.variants.get(sku="A-1").is_archived


def test_the_api_does_not_take_it_from_a_body(lamp: Product, editor: JSONClient):
    editor.patch(f"/api/v1/products/{lamp.pk}/", {"variants": [{"sku": "A-2", "is_archived": True}]})

    assert not lamp.variants.filter(is_archived=True).exists()
