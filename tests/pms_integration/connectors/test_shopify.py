"""A connector for Shopify, by the recipe: its reports, and what becomes of them."""

from decimal import Decimal

import pytest
from django.utils import timezone

from inventory.models import StockLevel
from pms_integration import services
from pms_integration.connectors.contract import DeletionReport, FigureReport, ProductReport, VariantReference
from pms_integration.exceptions import SignatureInvalid
from pms_integration.models import PMSConnection, PMSEvent, PMSProduct, PMSStock, PMSVariant
from products.models import Product, Variant
from tests.factories import make_location
from tests.pms_integration.connectors.sending import connect, deliver, on_hand, payload, post, sign_with
from tests.pms_integration.connectors.shopify import ShopifyConnector

PRODUCT = 9007199254741993
RED, BLUE = 9007199254742001, 9007199254742002
RED_ITEM = 9007199254743001
IMAGE = "https://cdn.shopify.com/s/files/1/0000/0001/files/desk-lamp.jpg?v=1714572929"
ALL = ["products_create", "products_update", "products_delete", "inventory_levels_update"]

sign = sign_with("x-shopify-hmac-sha256")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, db: None) -> PMSConnection:
    connection = connect(monkeypatch, "shopify", ShopifyConnector(), "shpss_0123456789abcdef0123456789abcdef")
    for code, external_id in (("main", "9007199254745001"), ("second", "9007199254745002")):
        location = make_location(code)
        services.map_location(connection=connection, location=location, external_id=external_id, owns_stock=True)
    return connection


@pytest.mark.parametrize("name", ALL)
def test_a_webhook_verifies_by_its_signature_only(name: str) -> None:
    connector, message = ShopifyConnector(), sign(payload(f"shopify_{name}"), "shpss_1")
    forged = message.having(id=1)

    assert connector.handshake(message.headers, message.body) is None
    webhook_id = connector.verify(message.headers, message.body, ["another", "shpss_1"])
    assert webhook_id == message.headers["x-shopify-webhook-id"]
    for headers, body, secret in (
        (forged.headers, forged.body, "shpss_1"),
        (message.headers, message.body, "another"),
        (message.headers | {"x-shopify-hmac-sha256": "\xe9"}, message.body, "shpss_1"),
        (payload(f"shopify_{name}").headers, message.body, "shpss_1"),
    ):
        with pytest.raises(SignatureInvalid):
            connector.verify(headers, body, [secret])


@pytest.mark.parametrize(("name", "moment"), [("products_create", "10:15:30"), ("products_update", "10:20:00")])
def test_a_product_is_a_product_report_with_the_moment_of_its_change(name: str, moment: str) -> None:
    message = payload(f"shopify_{name}")

    (report,) = ShopifyConnector().parse(message.headers, message.content) or ()

    variants = [
        {
            "id": RED, "sku": "LAMP-RED", "price": "49.90", "compare_at_price": "59.90", "barcode": "4006381333931",
            "position": 1, "other_ids": ["inventory_item:9007199254743001"], "options": {"Colour": "Red"},
        },
        {
            "id": BLUE, "sku": "", "price": "49.90", "compare_at_price": None, "barcode": None,
            "position": 2, "other_ids": ["inventory_item:9007199254743002"], "options": {"Colour": "Blue"},
        },
    ]  # fmt: skip
    data = {
        "name": message.content["title"], "handle": "desk-lamp", "description": "<p>A <strong>desk</strong> lamp.</p>",
        "brand": "Lux", "status": message.content["status"], "tags": ["desk", "office"], "variants": variants,
        "images": [{"url": IMAGE, "alt": None}],
    }  # fmt: skip
    assert report == ProductReport(
        external_id=PRODUCT,  # type: ignore[arg-type]
        version=f"2024-05-01T{moment}-04:00",
        data=data,
        payload=message.content,
    )


def test_a_deletion_and_a_level_are_reports_with_the_moment_of_their_header() -> None:
    deleted, level = payload("shopify_products_delete"), payload("shopify_inventory_levels_update")
    connector = ShopifyConnector()

    assert connector.parse(deleted.headers, deleted.content) == [
        DeletionReport(external_id=PRODUCT, version="2024-05-01T15:00:00.003181007Z", payload={"id": PRODUCT})  # type: ignore[arg-type]
    ]
    assert connector.parse(level.headers, level.content) == [
        FigureReport(
            variant=VariantReference(external_id=f"inventory_item:{RED_ITEM}"),
            location=9007199254745001,  # type: ignore[arg-type]
            on_hand=7,
            occurred_at="2024-05-01T14:16:00.120000001Z",
        )
    ]
    assert connector.parse(level.headers, level.having(available=None).content) == []
    assert connector.parse({"x-shopify-topic": "orders/create"}, {}) is None


def test_a_product_becomes_a_product_of_ours_with_exact_ids(shop: PMSConnection) -> None:
    event = deliver(shop, payload("shopify_products_create"), sign)

    assert (event.status, event.type, event.reason) == ("processed", "products/create", "")
    assert event.headers == {
        "x-shopify-topic": "products/create",
        "x-shopify-triggered-at": "2024-05-01T14:15:30.482913664Z",
    }
    product = Product.objects.get()
    assert (product.name, product.handle, product.status, product.brand, product.tags, product.description) == (
        "Desk lamp", "desk-lamp", "active", "Lux", ["desk", "office"], "<p>A <strong>desk</strong> lamp.</p>",
    )  # fmt: skip
    assert list(product.images.values_list("source_url", "alt")) == [(IMAGE, "")]
    variants = Variant.objects.order_by("position").values_list("sku", "price", "currency", "compare_at_price")
    assert list(variants) == [
        ("LAMP-RED", Decimal("49.90"), "USD", Decimal("59.90")),
        (f"shop-{BLUE}", Decimal("49.90"), "USD", None),
    ]
    assert PMSProduct.objects.get().external_id == str(PRODUCT)
    links = PMSVariant.objects.order_by("external_id").values_list("external_id", "other_ids", "variant__sku")
    assert list(links) == [
        (str(RED), ["inventory_item:9007199254743001"], "LAMP-RED"),
        (str(BLUE), ["inventory_item:9007199254743002"], f"shop-{BLUE}"),
    ]


def test_stock_that_comes_before_its_product_waits_for_the_id_and_is_applied_with_it(shop: PMSConnection) -> None:
    early = deliver(shop, payload("shopify_inventory_levels_update"), sign)
    assert (early.status, early.waits_for_external_id) == ("deferred", f"inventory_item:{RED_ITEM}")
    assert early.reason == f"The variant inventory_item:{RED_ITEM} is not known yet."
    assert not StockLevel.objects.exists()

    deliver(shop, payload("shopify_products_create"), sign)
    services.apply_due_events()
    second = deliver(shop, payload("shopify_inventory_levels_update_second"), sign)

    early.refresh_from_db()
    assert (early.status, second.status) == ("processed", "processed")
    assert on_hand() == {("LAMP-RED", "main"): 7, ("LAMP-RED", "second"): 3}
    assert {f"{moment:%H:%M:%S.%f}" for moment in PMSStock.objects.values_list("reported_at", flat=True)} == {
        "14:16:00.120000"
    }


def test_figures_are_ordered_by_the_moment_of_their_header(shop: PMSConnection) -> None:
    deliver(shop, payload("shopify_products_create"), sign)
    later = payload("shopify_inventory_levels_update").having(available=4)
    deliver(shop, later.with_headers(**_sent("later", "2024-05-01T14:16:00.130Z")), sign)

    event = deliver(shop, payload("shopify_inventory_levels_update"), sign)

    assert (event.status, event.reason) == ("ignored", "stale")
    assert on_hand() == {("LAMP-RED", "main"): 4}


def _sent(webhook_id: str, moment: str) -> dict[str, str]:
    return {"x_shopify_webhook_id": webhook_id, "x_shopify_triggered_at": moment}


def test_a_header_that_is_no_moment_makes_the_webhook_unusable(shop: PMSConnection) -> None:
    deliver(shop, payload("shopify_products_create"), sign)

    event = deliver(shop, payload("shopify_inventory_levels_update").with_headers(**_sent("x", "soon")), sign)

    assert event.status == "dead"
    assert event.reason.startswith("The moment cannot be used: ")


@pytest.mark.parametrize("status", ["draft", "active", "archived"])
def test_an_update_changes_the_product_and_its_status(shop: PMSConnection, status: str) -> None:
    deliver(shop, payload("shopify_products_create"), sign)

    event = deliver(shop, payload("shopify_products_update").having(status=status), sign)

    assert event.status == "processed"
    assert Product.objects.values_list("name", "status").get() == ("Desk lamp, small", status)


def test_a_deletion_archives_the_product_and_refuses_what_is_older(shop: PMSConnection) -> None:
    deliver(shop, payload("shopify_products_create"), sign)
    deliver(shop, payload("shopify_products_delete"), sign)

    late = deliver(shop, payload("shopify_products_update"), sign)

    assert (late.status, late.reason) == ("ignored", "stale")
    assert Product.objects.get().status == "archived"
    assert PMSProduct.objects.get().is_deleted


def test_a_product_without_options_has_none(shop: PMSConnection) -> None:
    message = payload("shopify_products_create")
    only = {**message.content["variants"][0], "option1": "Default Title"}
    options = [{"name": "Title", "position": 1, "values": ["Default Title"]}]

    deliver(shop, message.having(variants=[only], options=options), sign)

    assert Product.objects.get().options == []
    assert Variant.objects.get().options == {}


def test_the_endpoint_knows_a_repeated_and_refuses_a_forged_webhook(shop: PMSConnection) -> None:
    message = payload("shopify_products_create")
    deliver(shop, message, sign)

    again, forged = post(shop, sign(message, shop.secret)), post(shop, sign(message, "another secret"))

    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    assert (forged.status_code, forged.json()["code"]) == (401, "invalid_signature")
    assert PMSEvent.objects.count() == 1


@pytest.mark.parametrize("webhook_id", ["", "x" * 256, "a\x85b"])
def test_a_signed_webhook_without_a_usable_id_is_refused(shop: PMSConnection, webhook_id: str) -> None:
    """The signature does not cover the header of the id."""
    message = payload("shopify_products_create").with_headers(x_shopify_webhook_id=webhook_id)

    response = post(shop, sign(message, shop.secret))

    assert (response.status_code, response.json()["code"]) == (401, "invalid_signature")
    assert not PMSEvent.objects.exists()


def test_without_a_moment_the_receipt_counts(shop: PMSConnection) -> None:
    deliver(shop, payload("shopify_products_create"), sign)
    message = payload("shopify_inventory_levels_update")
    headers = {name: value for name, value in message.headers.items() if name != "x-shopify-triggered-at"}
    before = timezone.now()

    event = deliver(shop, type(message)(headers, message.body, message.content), sign)

    assert before <= PMSStock.objects.get().reported_at == event.received_at <= timezone.now()
