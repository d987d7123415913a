"""A connector for WooCommerce, by the recipe: its reports, and what becomes of them."""

import hashlib
from decimal import Decimal

import pytest

from inventory.models import StockLevel
from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.connectors.contract import (
    DeletionReport,
    FigureReport,
    HandshakeResponse,
    ProductReport,
    RefetchReport,
    Resource,
    VariantReference,
)
from pms_integration.exceptions import SignatureInvalid
from pms_integration.models import PMSConnection, PMSEvent, PMSProduct, PMSVariant
from products.models import Product, Variant
from tests.factories import make_location, make_product
from tests.pms_integration.connectors.sending import connect, deliver, on_hand, payload, post, sign_with
from tests.pms_integration.connectors.woocommerce import WooCommerceConnector

ALL = ["product_created", "product_updated", "product_updated_same_second", "product_deleted", "variation_updated"]
IMAGE = "https://shop.example.com/wp-content/uploads/2024/05/mug.jpg"

sign = sign_with("x-wc-webhook-signature")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, db: None) -> PMSConnection:
    return connect(monkeypatch, "woocommerce", WooCommerceConnector())


@pytest.fixture
def stocked(shop: PMSConnection) -> PMSConnection:
    """The shop, which owns the stock of our only location."""
    services.map_location(connection=shop, location=make_location(), external_id="shop", owns_stock=True)
    return shop


@pytest.mark.parametrize("name", ALL)
def test_a_webhook_verifies_by_its_signature_only(name: str) -> None:
    connector, message = WooCommerceConnector(), sign(payload(f"woocommerce_{name}"), "a secret")
    forged = message.having(id=1)

    assert connector.handshake(message.headers, message.body) is None
    webhook_id = connector.verify(message.headers, message.body, ["another", "a secret"])
    headers, digest = message.headers, hashlib.sha256(message.body).hexdigest()
    assert webhook_id == f"{headers['x-wc-webhook-delivery-id']}:{headers['x-wc-webhook-topic']}:{digest}"
    for headers, body, secret in (
        (forged.headers, forged.body, "a secret"),
        (message.headers, message.body, "another"),
        (payload(f"woocommerce_{name}").headers, message.body, "a secret"),
    ):
        with pytest.raises(SignatureInvalid):
            connector.verify(headers, body, [secret])


def test_the_first_message_is_a_handshake() -> None:
    ping = payload("woocommerce_ping")

    assert WooCommerceConnector().handshake(ping.headers, ping.body) == HandshakeResponse(status=200, body=b"")


def test_a_product_with_stock_is_a_product_report_and_a_figure() -> None:
    message = payload("woocommerce_product_created")

    reports = WooCommerceConnector().parse(message.headers, message.content)

    variant = {"id": 799, "sku": "MUG", "price": "10.50", "compare_at_price": "12.50"}
    data = {
        "name": "Enamel mug", "handle": "enamel-mug", "description": "<p>Holds <em>350 ml</em>.</p>\n",
        "status": "active", "tags": ["Enamel"], "variants": [variant], "images": [{"url": IMAGE, "alt": "A mug"}],
    }  # fmt: skip
    version = "2024-05-01T14:10:05Z"
    assert reports == [
        ProductReport(external_id=799, version=version, data=data, payload=message.content),  # type: ignore[arg-type]
        FigureReport(variant=VariantReference(sku="MUG"), location="shop", on_hand=7, occurred_at=None),
    ]
    without_stock = message.having(manage_stock=False, stock_quantity=None).content
    assert WooCommerceConnector().parse(message.headers, without_stock) == [
        ProductReport(external_id=799, version=version, data=data, payload=without_stock)  # type: ignore[arg-type]
    ]


def test_the_other_reports() -> None:
    connector, deleted = WooCommerceConnector(), payload("woocommerce_product_deleted")
    variation = payload("woocommerce_variation_updated")
    variable = variation.having(id=810, parent_id=0, type="variable")
    product = RefetchReport(resource=Resource.PRODUCT, external_id=810)  # type: ignore[arg-type]
    stock = RefetchReport(resource=Resource.STOCK, external_id=812)  # type: ignore[arg-type]

    assert connector.parse(deleted.headers, deleted.content) == [DeletionReport(external_id=799, payload={"id": 799})]  # type: ignore[arg-type]
    assert connector.parse(variation.headers, variation.content) == [product, stock]
    assert connector.parse(variable.headers, variable.content) == [product]
    assert connector.parse({"x-wc-webhook-topic": "order.created"}, {}) is None


def test_the_ping_gets_exactly_200_and_nothing_is_stored(shop: PMSConnection) -> None:
    response = post(shop, payload("woocommerce_ping"))

    assert (response.status_code, response.content) == (200, b"")
    assert not PMSEvent.objects.exists()


def test_a_webhook_brings_a_product_and_its_stock(stocked: PMSConnection) -> None:
    event = deliver(stocked, payload("woocommerce_product_created"), sign)

    assert (event.status, event.reason, event.type) == ("processed", "", "product.created")
    product = Product.objects.get()
    assert (product.name, product.status, product.description) == (
        "Enamel mug", "active", "<p>Holds <em>350 ml</em>.</p>\n",
    )  # fmt: skip
    assert list(product.images.values_list("source_url", "alt")) == [(IMAGE, "A mug")]
    price = Variant.objects.values_list("sku", "price", "compare_at_price", "currency").get()
    assert price == ("MUG", Decimal("10.50"), Decimal("12.50"), "USD")
    assert on_hand() == {("MUG", "main"): 7}


def test_two_deliveries_of_one_second_with_the_same_id_both_take_effect(stocked: PMSConnection) -> None:
    deliver(stocked, payload("woocommerce_product_created"), sign)

    first = deliver(stocked, payload("woocommerce_product_updated"), sign)
    assert (first.status, Product.objects.get().name, on_hand()) == (
        "processed", "Enamel mug, white", {("MUG", "main"): 6},
    )  # fmt: skip
    second = deliver(stocked, payload("woocommerce_product_updated_same_second"), sign)

    assert (Product.objects.get().name, on_hand()) == ("Enamel mug, blue", {("MUG", "main"): 5})
    assert second.status == "processed"
    assert second.reason == "Another content came with the same version: the product has to be asked for."
    assert list(stocked.refetches.values_list("resource", "external_id")) == [("product", "799")]
    again = post(stocked, sign(payload("woocommerce_product_updated"), stocked.secret))
    assert (again.status_code, again.json()["duplicate"]) == (200, True)


def test_an_older_product_is_stale_and_its_figure_is_not(stocked: PMSConnection) -> None:
    """Its body was built when it was sent, and says what there was then."""
    deliver(stocked, payload("woocommerce_product_updated"), sign)

    event = deliver(stocked, payload("woocommerce_product_created"), sign)

    assert (event.status, event.reason) == ("processed", "stale")
    assert (Product.objects.get().name, on_hand()) == ("Enamel mug, white", {("MUG", "main"): 7})


def test_without_a_version_the_order_of_arrival_counts(shop: PMSConnection) -> None:
    for name in ("First", "Second"):
        message = payload("woocommerce_product_created").having(name=name, date_modified_gmt=None, manage_stock=False)
        assert deliver(shop, message, sign).status == "processed"

    assert Product.objects.get().name == "Second"
    assert PMSProduct.objects.get().version is None


def test_a_deletion_has_no_version_and_archives(stocked: PMSConnection) -> None:
    deliver(stocked, payload("woocommerce_product_updated"), sign)

    event = deliver(stocked, payload("woocommerce_product_deleted"), sign)

    assert (event.status, Product.objects.get().status) == ("processed", "archived")
    assert PMSProduct.objects.values_list("is_deleted", "payload").get() == (True, {"id": 799})


@pytest.mark.django_db(transaction=True)
def test_of_a_product_and_its_stock_both_are_applied_or_none(shop: PMSConnection) -> None:
    """Their location is not mapped yet."""
    event = deliver(shop, payload("woocommerce_product_created"), sign)
    assert (event.status, event.reason) == (
        "failed", "unknown_location: No location is called shop, by the connection or by us.",
    )  # fmt: skip
    assert not Product.objects.exists()
    assert not PMSProduct.objects.exists()
    assert not Event.objects.filter(type__startswith="product.").exists()

    services.map_location(connection=shop, location=make_location(), external_id="shop", owns_stock=True)
    services.retry_event(event_id=event.pk)
    services.apply_due_events()

    assert on_hand() == {("MUG", "main"): 7}


def test_a_product_without_a_sku_gets_one_of_the_connection_and_its_id(stocked: PMSConnection) -> None:
    deliver(stocked, payload("woocommerce_product_created").having(sku=""), sign)
    event = deliver(stocked, payload("woocommerce_product_updated").having(sku="", stock_quantity=2), sign)

    assert event.status == "processed"
    assert Variant.objects.get().sku == "shop-799"
    assert PMSVariant.objects.values_list("external_id", "variant__sku").get() == ("799", "shop-799")
    assert on_hand() == {("shop-799", "main"): 2}


def test_a_conflict_is_told_although_the_webhook_has_stock_too(stocked: PMSConnection) -> None:
    make_product("MUG", variants=[{"sku": "MUG"}, {"sku": "CUP"}])
    deliver(stocked, payload("woocommerce_product_created").having(id=1, sku="CUP", slug="cup"), sign)

    event = deliver(stocked, payload("woocommerce_product_created"), sign)

    assert (event.status, event.reason) == (
        "processed",
        "The SKU MUG belongs to a product that is linked to another product of the PMS.",
    )
    assert Event.objects.filter(type="pms.conflict").count() == 1


def test_a_variation_is_asked_for_with_its_product_and_its_stock(stocked: PMSConnection) -> None:
    event = deliver(stocked, payload("woocommerce_variation_updated"), sign)

    assert event.status == "processed"
    assert event.reason == "The product 810 has to be asked for. The stock 812 has to be asked for."
    assert set(stocked.refetches.values_list("resource", "external_id")) == {("product", "810"), ("stock", "812")}
    assert not StockLevel.objects.exists()
