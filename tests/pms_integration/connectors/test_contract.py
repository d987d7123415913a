"""What the contract allows a connector to tell, shown by the `standard` one: versions, moments, ids, SKUs."""

from typing import Any

import orjson
import pytest
from django.test import override_settings

from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.models import PMSConnection, PMSProduct, PMSVariant
from products.models import Product, Variant
from tests.factories import make_connection, make_location, store_webhook
from tests.pms_integration.reports import apply, product

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection("demo", owns=make_location("main"))


def with_version(version: Any, name: str = "Lamp") -> dict[str, Any]:
    return product("7", 1, name=name) | {"version": version}


def test_a_moment_is_a_version_whatever_its_offset(pms: PMSConnection) -> None:
    sent = [
        ("2024-05-01T12:00:00+02:00", "First"),
        ("2024-05-01T09:59:59Z", "Older"),
        ("2024-05-01T10:00:00Z", "First"),
        ("2024-05-01T10:00:00Z", "Same second"),
        ("2024-05-01T10:00:00.000001Z", "Last"),
    ]

    events = [apply(pms, "product.updated", with_version(*one)) for one in sent]

    assert [(event.status, event.reason) for event in events] == [
        ("processed", ""),
        ("ignored", "stale"),
        ("ignored", "stale"),
        ("processed", "Another content came with the same version: the product has to be asked for."),
        ("processed", ""),
    ]
    assert Product.objects.get().name == "Last"
    assert list(pms.refetches.values_list("resource", "external_id")) == [("product", "7")]


@pytest.mark.parametrize("version", ["2024-05-01T10:00:00", "2024-13-01T10:00:00Z", "yesterday", -1, 1.5, True, [1]])
def test_a_version_that_is_no_number_and_no_moment_is_unusable(pms: PMSConnection, version: Any) -> None:
    event = apply(pms, "product.updated", with_version(version))

    assert event.status == "dead"
    assert event.reason.startswith("data is not valid. /version: ")
    assert not PMSProduct.objects.exists()


@pytest.mark.parametrize("moment", [None, ""])
def test_the_standard_connector_requires_a_moment_of_stock(pms: PMSConnection, moment: Any) -> None:
    data = {"sku": "A-1", "location": "main", "on_hand": 1, "occurred_at": moment}
    body = orjson.dumps({"type": "inventory.updated", "timestamp": moment, "data": data})
    store_webhook(connection=pms, webhook_id="m-1", type="inventory.updated", body=body)

    services.apply_due_events()

    event = pms.events.get()
    assert (event.status, event.reason) == ("dead", "The report has no moment in RFC 3339 with an offset.")


def test_ids_may_be_numbers_that_no_float_has(pms: PMSConnection) -> None:
    variant = {"id": 9007199254740993, "sku": "A-1", "other_ids": [9007199254740995, "x:1"]}

    apply(pms, "product.created", product("7", 1) | {"id": 2**63 + 1, "variants": [variant]})

    assert PMSProduct.objects.get().external_id == str(2**63 + 1)
    assert PMSVariant.objects.values_list("external_id", "other_ids").get() == (
        "9007199254740993", ["9007199254740995", "x:1"],
    )  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [("other_ids", 5), ("other_ids", {"a": 1}), ("other_ids", [None]),
                                             ("id", 1.5), ("id", {}), ("id", "x" * 256)])  # fmt: skip
def test_ids_of_another_form_are_unusable(pms: PMSConnection, name: str, value: Any) -> None:
    variant = {"sku": "A-1", "id": 1, name: value}

    event = apply(pms, "product.created", product("7", 1, variants=[variant]))

    assert (event.status, event.attempts) == ("dead", 1)
    assert event.reason.startswith("data is not valid.")
    assert not Product.objects.exists()


@pytest.mark.parametrize("sku", [{}, {"sku": None}, {"sku": ""}, {"sku": "  "}])
def test_a_variant_without_a_sku_gets_one_of_the_connection_and_its_id(pms: PMSConnection, sku: dict[str, Any]) -> None:
    """A second shop has products with the same ids, and they are others."""
    variants = [{"id": 17, "price": "1.00", **sku}]
    apply(pms, "product.created", product("7", 1, variants=variants))
    apply(pms, "product.updated", product("7", 2, name="Desk lamp", variants=variants))

    apply(make_connection("second"), "product.created", product("7", 1, name="Another lamp", variants=variants))

    found = Variant.objects.order_by("id").values_list("sku", "product__name")
    assert list(found) == [("demo-17", "Desk lamp"), ("second-17", "Another lamp")]
    assert list(PMSVariant.objects.order_by("id").values_list("external_id", "variant__sku")) == [
        ("17", "demo-17"),
        ("17", "second-17"),
    ]


def test_a_variant_without_a_sku_and_an_id_makes_the_product_unusable(pms: PMSConnection) -> None:
    variants = [{"sku": "A-1", "id": "1"}, {"sku": "", "price": "1.00"}]

    event = apply(pms, "product.created", product("7", 1, variants=variants))

    assert (event.status, event.reason) == ("dead", "data is not valid. /variants/1/sku: This field may not be blank.")
    assert not Product.objects.exists()
    assert not Event.objects.filter(type="product.created").exists()


def test_ids_are_linked_to_the_sku_as_it_is_stored(pms: PMSConnection) -> None:
    apply(pms, "product.created", product("7", 1, variants=[{"id": 1, "sku": " A-1 "}, {"id": 2, "sku": 42}]))

    assert list(PMSVariant.objects.order_by("external_id").values_list("external_id", "variant__sku")) == [
        ("1", "A-1"),
        ("2", "42"),
    ]


def test_a_price_without_a_currency_has_the_default_one_or_keeps_its_own(pms: PMSConnection) -> None:
    new = {"sku": "B-1", "price": "3.00"}
    with override_settings(DEFAULT_CURRENCY="CHF"):
        apply(pms, "product.created", product("7", 1))
        apply(pms, "product.updated", product("7", 2, variants=[{"sku": "A-1", "price": "9.95"}]))
        apply(pms, "product.created", product("8", 1, sku="B-1", variants=[new]))

    prices = Variant.objects.order_by("id").values_list("sku", "price", "currency")
    assert [(sku, str(price), currency) for sku, price, currency in prices] == [
        ("A-1", "9.95", "EUR"),
        ("B-1", "3.00", "CHF"),
    ]


def test_a_barcode_with_a_wrong_check_digit_is_kept(pms: PMSConnection) -> None:
    event = apply(pms, "product.created", product("7", 1, variants=[{"sku": "A-1", "barcode": "365275101829"}]))

    assert (event.status, Variant.objects.get().barcode) == ("processed", "365275101829")
