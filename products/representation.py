"""A product in JSON's types, as the API and the events show it."""

from collections.abc import Sequence
from decimal import Decimal
from enum import Enum, auto
from typing import Any

from products.images.names import url_of
from products.models import Product, Variant


class StockShown(Enum):
    """How much is told of a variant's stock."""

    NOTHING = auto()
    AVAILABLE = auto()
    ALL = auto()


def represent_product(
    product: Product,
    variants: Sequence[Variant],
    *,
    with_cost: bool = False,
    stock: StockShown = StockShown.NOTHING,
    images: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The whole product. With stock, the variants come from `queries.with_stock`; `images` are as they are shown."""
    return {
        "id": product.pk,
        "handle": product.handle,
        "name": product.name,
        "description": product.description,
        "brand": product.brand,
        "status": product.status,
        "published_at": _moment(product.published_at),
        "category": product.category.slug if product.category else None,
        "tags": product.tags,
        "attributes": product.attributes,
        "options": product.options,
        "variants": [represent_variant(variant, with_cost=with_cost, stock=stock) for variant in variants],
        "images": list(images),
        "version": product.version,
        "created_at": _moment(product.created_at),
        "updated_at": _moment(product.updated_at),
    }


def represent_variant(variant: Variant, *, with_cost: bool, stock: StockShown) -> dict[str, Any]:
    """One variant of a product."""
    shown: dict[str, Any] = {
        "id": variant.pk,
        "sku": variant.sku,
        "barcode": variant.barcode,
        "name": variant.name,
        "price": _amount(variant.price),
        "currency": variant.currency,
        "compare_at_price": _amount(variant.compare_at_price),
        "weight_grams": variant.weight_grams,
        "options": variant.options,
        "position": variant.position,
    }
    if with_cost:
        shown["cost"] = _amount(variant.cost)
    if stock is not StockShown.NOTHING:
        on_hand: int = variant.stock_on_hand  # type: ignore[attr-defined]  # annotated by with_stock
        reserved: int = variant.stock_reserved  # type: ignore[attr-defined]
        shown["stock"] = {"available": on_hand - reserved}
        if stock is StockShown.ALL:
            shown["stock"] |= {"on_hand": on_hand, "reserved": reserved}
    return shown


def represent_image(
    image_id: int,
    file: str,
    thumbnail: str,
    width: int | None,
    height: int | None,
    alt: str,
    position: int,
    *,
    origin: str = "",
) -> dict[str, Any]:
    """A picture, of the names of its files (none: there is nothing yet); `origin` as in `names.url_of`."""
    return {
        "id": image_id,
        "url": url_of(file, origin=origin) if file else None,
        "thumbnail_url": url_of(thumbnail, origin=origin) if thumbnail else None,
        "alt": alt,
        "position": position,
        "width": width,
        "height": height,
    }


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _moment(value: Any) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")
