"""`null` in a webhook's data: it equals an absent member; without a required member the data cannot be used."""

import json
from typing import Any

import pytest

from inventory.models import StockLevel, StockMovement
from pms_integration import services
from pms_integration.models import PMSConnection, PMSEventStatus, PMSProduct
from pms_integration.services import report_validation
from products.models import Product, Variant
from tests.factories import make_connection, make_location, make_product, store_webhook
from tests.pms_integration.reports import apply, at, delta, figure, product

pytestmark = pytest.mark.django_db

OPTIONAL_OF_PRODUCT = [name for name, field in report_validation._PRODUCT.fields.items() if not field.required]
OPTIONAL_OF_VARIANT = [
    name for name in report_validation._PRODUCT.fields["variants"].child.fields if name not in ("id", "sku")
]


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection("demo", owns=make_location("main"))


def stored_values() -> dict[str, Any]:
    stored = Product.objects.select_related("category").get()
    variant = Variant.objects.get()
    return {
        **{name: getattr(stored, name) for name in OPTIONAL_OF_PRODUCT if hasattr(stored, name)},
        **{f"variant {name}": getattr(variant, name) for name in OPTIONAL_OF_VARIANT},
    }


@pytest.mark.parametrize("name", OPTIONAL_OF_PRODUCT)
def test_null_does_not_change_a_product(pms: PMSConnection, name: str):
    full = {"handle": "the-lamp", "description": "Bright", "brand": "Lux", "tags": ["a"], "attributes": {"watt": 5}}
    apply(pms, "product.created", product("7", 1, **full))
    before = stored_values()

    event = apply(pms, "product.updated", product("7", 2, **full) | {name: None})

    assert (event.status, event.reason) == (PMSEventStatus.PROCESSED, "")
    assert stored_values() == before


@pytest.mark.parametrize("name", OPTIONAL_OF_VARIANT)
@pytest.mark.parametrize("kind", ["product.updated", "product.published"])
def test_null_does_not_change_a_variant(pms: PMSConnection, name: str, kind: str):
    variant = {"sku": "A-1", "barcode": "4006381333931", "name": "Red", "price": "9.90", "currency": "EUR",
               "cost": "5.00", "compare_at_price": "12.00", "weight_grams": 7, "options": {"Colour": "Red"},
               "position": 3}  # fmt: skip
    apply(pms, "product.created", product("7", 1) | {"variants": [variant]})
    before = stored_values()

    event = apply(pms, kind, product("7", 2) | {"variants": [variant | {name: None}]})

    assert (event.status, event.reason) == (PMSEventStatus.PROCESSED, "")
    assert stored_values() == before


@pytest.mark.parametrize("name", ["price", "cost", "compare_at_price", "weight_grams", "position", "currency"])
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_text_does_not_change_a_number(pms: PMSConnection, name: str, empty: str):
    variant = {"sku": "A-1", "price": "9.90", "currency": "EUR", "cost": "5.00", "compare_at_price": "12.00",
               "weight_grams": 7, "position": 3}  # fmt: skip
    apply(pms, "product.created", product("7", 1) | {"variants": [variant]})
    before = stored_values()

    event = apply(pms, "product.updated", product("7", 2) | {"variants": [variant | {name: empty}]})

    assert (event.status, event.reason) == (PMSEventStatus.PROCESSED, "")
    assert stored_values() == before


def test_an_empty_text_clears_a_text(pms: PMSConnection):
    apply(pms, "product.created", product("7", 1, description="Bright", brand="Lux"))

    apply(pms, "product.updated", product("7", 2, description="", brand=""))

    assert Product.objects.values_list("description", "brand").get() == ("", "")


def test_an_option_with_the_value_null_is_left_out(pms: PMSConnection):
    variants = [{"sku": "A-1", "options": {"Colour": "Red", "Size": None}}]

    event = apply(pms, "product.created", product("7", 1) | {"variants": variants})

    assert (event.status, Variant.objects.get().options) == (PMSEventStatus.PROCESSED, {"Colour": "Red"})


@pytest.mark.parametrize("absent", [None, ""])
@pytest.mark.parametrize("name", ["version", "occurred_at"])
def test_a_figure_without_an_optional_member_is_applied(pms: PMSConnection, name: str, absent: Any):
    make_product("A-1")

    event = apply(pms, "inventory.updated", figure(7, minute=-1, version=3) | {name: absent})

    assert (event.status, event.reason) == (PMSEventStatus.PROCESSED, "")
    assert StockLevel.objects.get().on_hand == 7


@pytest.mark.parametrize("absent", [None, ""])
@pytest.mark.parametrize("name", ["reason", "reference", "occurred_at"])
def test_a_change_without_an_optional_member_is_applied(pms: PMSConnection, name: str, absent: Any):
    make_product("A-1")

    event = apply(pms, "inventory.adjusted", delta(-2, minute=-1, reason="sale", reference="R") | {name: absent})

    assert (event.status, event.reason) == (PMSEventStatus.PROCESSED, "")
    assert StockMovement.objects.values_list("delta", "reason").get() == (
        -2,
        "correction" if name == "reason" else "sale",
    )


@pytest.mark.parametrize("invalid", [None, "", "1_0", "٥", 1.5])
@pytest.mark.parametrize(
    ("kind", "data", "name"),
    [
        ("inventory.updated", figure(7, minute=-1), "on_hand"),
        ("inventory.adjusted", delta(7, minute=-1), "delta"),
        ("product.updated", product("7", 1), "version"),
        ("product.deleted", {"id": "7", "version": 1}, "version"),
    ],
)
def test_an_event_with_an_invalid_required_number_is_dead(
    pms: PMSConnection, kind: str, data: dict[str, Any], name: str, invalid: Any
):
    make_product("A-1")
    data = {**data, "occurred_at": at(-1)}

    event = apply(pms, kind, data | {name: invalid})

    assert event.status == PMSEventStatus.DEAD
    assert f"/{name}:" in event.reason
    assert not StockLevel.objects.exists()


@pytest.mark.parametrize(
    ("kind", "data", "name"),
    [
        ("inventory.updated", figure(7, minute=-1), "sku"),
        ("inventory.updated", figure(7, minute=-1), "location"),
        ("inventory.adjusted", delta(7, minute=-1), "sku"),
        ("inventory.adjusted", delta(7, minute=-1), "location"),
        ("product.updated", product("7", 1), "id"),
        ("product.updated", product("7", 1), "name"),
        ("product.updated", product("7", 1), "variants"),
        ("product.deleted", {"id": "7", "version": 1}, "id"),
    ],
)
def test_an_event_with_null_in_a_required_member_is_dead(
    pms: PMSConnection, kind: str, data: dict[str, Any], name: str
):
    event = apply(pms, kind, data | {name: None})

    assert event.status == PMSEventStatus.DEAD
    assert f"/{name}:" in event.reason


def test_ids_that_are_long_numbers_keep_every_digit(pms: PMSConnection):
    for number, sku in ((12345678901234567890123, "A-1"), (12345678901234567890124, "B-1")):
        data = product("NUMBER", 1, sku=sku)
        body = json.dumps({"type": "product.created", "timestamp": at(0), "data": data}).replace(
            '"NUMBER"', str(number)
        )
        store_webhook(connection=pms, webhook_id=sku, type="product.created", body=body.encode())
    services.apply_due_events()

    assert sorted(PMSProduct.objects.values_list("external_id", flat=True)) == [
        "12345678901234567890123",
        "12345678901234567890124",
    ]
