"""Publishing, unpublishing, archiving, restoring."""

import pytest

from products.models import Product
from products.services.publishing import failed_rules
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, make_variant, set_stock
from tests.products.recorded import recorded

pytestmark = pytest.mark.django_db


def url(product: Product, action: str = "") -> str:
    return f"/api/v1/products/{product.pk}/{action}"


def test_a_product_is_published(editor: JSONClient):
    lamp = make_product()

    body = editor.post(url(lamp, "publish/")).json()

    assert (body["status"], body["version"]) == ("active", 2)
    assert body["published_at"] == body["updated_at"]
    assert recorded()[1:] == [("product.published", f"product:{lamp.pk}")]


def test_publishing_again_changes_nothing(editor: JSONClient):
    lamp = make_product(status="active")

    assert editor.post(url(lamp, "publish/")).json()["version"] == 1
    assert len(recorded()) == 2


def test_every_rule_that_fails_is_named(editor: JSONClient):
    lamp = make_product(price=None)
    Product.objects.filter(pk=lamp.pk).update(name="   ")

    response = editor.post(url(lamp, "publish/"))

    body = response.json()
    assert (response.status_code, body["code"]) == (422, "publish_rules_failed")
    assert [(error["pointer"], error["code"]) for error in body["errors"]] == [
        ("/name", "name_missing"),
        ("/variants/0/price", "price_missing"),
    ]
    lamp.refresh_from_db()
    assert (lamp.status, lamp.version) == ("draft", 1)
    assert len(recorded()) == 1


def test_each_variant_without_a_price_is_named_as_the_product_shows_it(editor: JSONClient):
    lamp = make_product("A-1")
    make_variant("A-2", product=lamp, price=None)

    response = editor.post(url(lamp, "publish/"))

    assert response.json()["detail"] == "Every variant of a published product has a price."
    assert response.json()["errors"] == [
        {"pointer": "/variants/1/price", "code": "price_missing", "detail": "A-2 has no price."}
    ]


def test_a_variant_of_the_body_is_named_as_the_body_does(editor: JSONClient):
    lamp = make_product("A-1", status="active")
    make_variant("A-2", product=lamp)

    response = editor.patch(url(lamp), {"variants": [{"sku": "A-2", "price": None}]})

    assert [error["pointer"] for error in response.json()["errors"]] == ["/variants/0/price"]


def test_a_variant_that_the_body_does_not_name_is_not_taken_for_one_that_it_does(editor: JSONClient):
    lamp = make_product("A-1", price=None)
    make_variant("A-2", product=lamp)

    named, unnamed = (
        editor.patch(url(lamp), {"status": "active", **more}).json()["errors"]
        for more in ({"variants": [{"sku": "A-2", "price": "7.00"}]}, {})
    )

    assert [(error["pointer"], error["detail"]) for error in named] == [("/variants", "A-1 has no price.")]
    assert [(error["pointer"], error["detail"]) for error in unnamed] == [("/variants/0/price", "A-1 has no price.")]
    lamp.refresh_from_db()
    assert (lamp.status, lamp.version) == ("draft", 2)


def test_a_product_without_variants_is_not_published():
    errors = failed_rules(Product(name="Lamp"), [])

    assert [(error.pointer, error.code) for error in errors] == [("/variants", "variant_missing")]


def test_a_price_of_0_is_a_price(editor: JSONClient):
    assert editor.post(url(make_product(price="0"), "publish/")).status_code == 200


def test_a_product_is_unpublished(editor: JSONClient):
    lamp = make_product(status="active")

    body = editor.post(url(lamp, "unpublish/")).json()

    assert (body["status"], body["published_at"]) == ("draft", None)
    assert recorded()[2:] == [("product.unpublished", f"product:{lamp.pk}")]


def test_delete_archives_and_keeps_everything(editor: JSONClient):
    lamp = make_product(status="active")
    set_stock("A-1", make_location(), 3)

    response = editor.delete(url(lamp))

    assert (response.status_code, response.content) == (204, b"")
    body = editor.get(url(lamp)).json()
    assert (body["status"], body["published_at"]) == ("archived", None)
    assert body["variants"][0]["stock"]["on_hand"] == 3
    assert recorded()[-1] == ("product.archived", f"product:{lamp.pk}")


def test_deleting_again_changes_nothing(editor: JSONClient):
    lamp = make_product(status="archived")
    before = recorded()

    assert editor.delete(url(lamp)).status_code == 204
    assert recorded() == before


def test_an_archived_product_is_restored_as_a_draft(editor: JSONClient):
    lamp = make_product(status="archived")

    body = editor.post(url(lamp, "restore/")).json()

    assert body["status"] == "draft"
    assert recorded()[-1] == ("product.restored", f"product:{lamp.pk}")


def test_restoring_what_is_not_archived_changes_nothing(editor: JSONClient):
    lamp = make_product(status="active")

    assert editor.post(url(lamp, "restore/")).json()["status"] == "active"
    assert len(recorded()) == 2


@pytest.mark.parametrize("action", ["publish/", "unpublish/"])
def test_an_archived_product_is_restored_first(editor: JSONClient, action: str):
    lamp = make_product(status="archived")
    before = recorded()

    response = editor.post(url(lamp, action))

    assert (response.status_code, response.json()["code"]) == (409, "product_archived")
    lamp.refresh_from_db()
    assert lamp.status == "archived"
    assert recorded() == before


@pytest.mark.parametrize(
    ("method", "action"), [("post", "publish/"), ("post", "unpublish/"), ("post", "restore/"), ("delete", "")]
)
def test_an_unknown_product_is_404(editor: JSONClient, method: str, action: str):
    response = getattr(editor, method)(f"/api/v1/products/1/{action}")

    assert (response.status_code, response.json()["code"]) == (404, "product_not_found")
    assert recorded() == []
