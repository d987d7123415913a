"""Rows for tests, made by the services."""

from typing import Any

from django.db import transaction

from inventory import services as inventory
from inventory.models import Location
from pms_integration import services as pms_integration
from pms_integration.models import PMSConnection, PMSEvent
from products import services as products
from products.models import Product, Variant
from products.serializers import ProductInputSerializer, VariantInputSerializer

# Arguments of `make_product` for the variant; all others are for the product.
VARIANT_FIELDS = frozenset({"barcode", "compare_at_price", "cost", "weight_grams"})


def make_product(
    sku: str = "A-1",
    *,
    name: str = "Lamp",
    price: str | None = "10.00",
    currency: str = "USD",
    status: str = "draft",
    **more: Any,
) -> Product:
    """A product with one variant, or with those of `variants`."""
    variant = {"sku": sku, "price": price, "currency": currency}
    variant |= {field: more.pop(field) for field in VARIANT_FIELDS & set(more)}
    data = {"name": name, "status": status, "variants": [variant], **more}
    return products.create_product(data=ProductInputSerializer().run_validation(data))


def make_variant(sku: str, *, product: Product | None = None, price: str | None = "10.00", **more: Any) -> Variant:
    """One more variant of `product`, or the only one of a new product."""
    data = VariantInputSerializer().run_validation({"sku": sku, "price": price, **more})
    if product is None:
        product = products.create_product(data={"name": "Lamp", "variants": [data]})
    else:
        products.update_product(product_id=product.pk, data={"variants": [data]})
    return product.variants.get(sku=data["sku"])


def make_location(code: str = "main", **more: Any) -> Location:
    """A location."""
    return inventory.create_location(code=code, **{"name": code.title(), **more})


def make_connection(slug: str = "demo", *, owns: Location | None = None) -> PMSConnection:
    """A connection to a PMS, which owns the stock of `owns` and knows that location by its code."""
    connection = pms_integration.create_connection(slug=slug, name=slug.title())
    if owns is not None:
        pms_integration.map_location(connection=connection, location=owns, external_id=owns.code, owns_stock=True)
    return connection


def store_webhook(
    *,
    connection: PMSConnection,
    webhook_id: str,
    type: str,
    body: bytes,
    headers: dict[str, str] | None = None,
) -> PMSEvent:
    """A webhook as it is after it was verified and stored; one of this id that was stored before stays as it is."""
    values = {"type": type, "headers": headers or {}, "body": body}
    event, _ = PMSEvent.objects.get_or_create(connection=connection, webhook_id=webhook_id, defaults=values)
    event.refresh_from_db()
    return event


def set_stock(sku: str, location: Location | str, on_hand: int) -> inventory.StockChange:
    """Counts `on_hand` of a SKU at a location."""
    code = location if isinstance(location, str) else location.code
    return inventory.count_stock(sku=sku, location=code, on_hand=on_hand)


def report_stock(*reports: inventory.ReportedChange | inventory.ReportedCount) -> None:
    """Applies what another system reports."""
    with transaction.atomic():
        levels = inventory.LevelBatch([report.level for report in reports], create=[report.level for report in reports])
        inventory.apply_external_changes(levels, reports)
