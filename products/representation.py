"""A product in JSON's types, as the API and the events show it.

Whatever it is made of, a row of SQL or a model, its fields are named here, and made here of plain values.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from operator import attrgetter
from typing import Any, Final

from products.models import Product, Variant

PRODUCT_FIELDS: Final = (
    "id", "handle", "name", "description", "brand", "status", "published_at", "publish_at", "unpublish_at", "category",
    "tags", "attributes", "options", "variants", "images", "version", "created_at", "updated_at",
)  # fmt: skip
VARIANT_FIELDS: Final = (
    "id", "sku", "barcode", "name", "price", "currency", "compare_at_price", "cost", "weight_grams", "options",
    "position", "stock",
)  # fmt: skip
IMAGE_FIELDS: Final = ("id", "url", "thumbnail_url", "alt", "position", "width", "height")
MOMENTS: Final = frozenset({"published_at", "publish_at", "unpublish_at", "created_at", "updated_at"})
AMOUNTS: Final = frozenset({"price", "compare_at_price", "cost"})


class StockShown(Enum):
    """How much is told of a variant's stock."""

    NOTHING = auto()
    AVAILABLE = auto()
    ALL = auto()


def variant_fields(*, with_cost: bool, stock: StockShown) -> tuple[str, ...]:
    """Those that are shown."""
    hidden = {"cost": not with_cost, "stock": stock is StockShown.NOTHING}
    return tuple(name for name in VARIANT_FIELDS if not hidden.get(name))


def product_as_json(names: Sequence[str], values: Iterable[Any]) -> dict[str, Any]:
    """A product of the values of these fields: moments as strings, `variants` and `images` as what is made below."""
    return dict(zip(names, values, strict=True))


def variant_as_json(names: Sequence[str], values: Iterable[Any], *, stock: StockShown) -> dict[str, Any]:
    """A variant of the values of these fields: amounts as strings, `stock` as (on hand, reserved)."""
    shown = dict(zip(names, values, strict=True))
    if "stock" in shown:
        on_hand, reserved = shown["stock"]
        shown["stock"] = {"available": on_hand - reserved}
        if stock is StockShown.ALL:
            shown["stock"] |= {"on_hand": on_hand, "reserved": reserved}
    return shown


def image_as_json(names: Sequence[str], values: Iterable[Any], url_of: Callable[[str], str]) -> dict[str, Any]:
    """An image of the values of these fields: `url` and `thumbnail_url` as the names of files."""
    shown = dict(zip(names, values, strict=True))
    for name in ("url", "thumbnail_url"):
        if name in shown:
            shown[name] = url_of(shown[name]) if shown[name] else None
    return shown


def represent_product(
    product: Product,
    variants: Sequence[Variant],
    images: Sequence[dict[str, Any]] = (),
    *,
    with_cost: bool = False,
    stock: StockShown = StockShown.NOTHING,
) -> dict[str, Any]:
    """The whole product. With stock, the variants come from `queries.with_stock`; `images` are as they are shown."""
    shown: dict[str, Any] = {
        "category": product.category.slug if product.category else None,
        "variants": [
            represent_variant(variant, with_cost=with_cost, stock=stock)
            for variant in variants
            if not variant.is_archived
        ],
        "images": list(images),
    }
    shown |= {name: _moment(getattr(product, name)) for name in MOMENTS}
    values = (shown[name] if name in shown else getattr(product, name) for name in PRODUCT_FIELDS)
    return product_as_json(PRODUCT_FIELDS, values)


def represent_variant(variant: Variant, *, with_cost: bool, stock: StockShown) -> dict[str, Any]:
    """One variant of a product."""
    names = variant_fields(with_cost=with_cost, stock=stock)
    return variant_as_json(names, (_value_of_variant(variant, name) for name in names), stock=stock)


def _value_of_variant(variant: Variant, name: str) -> Any:
    if name == "stock":
        return attrgetter("stock_on_hand", "stock_reserved")(variant)
    value = getattr(variant, name)
    return _amount(value) if name in AMOUNTS else value


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="microseconds").replace("+00:00", "Z")
