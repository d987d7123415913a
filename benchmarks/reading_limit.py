"""The limit of reads: the least Python that returns catalogue rows as JSON, one statement per request."""

from typing import Any, Final

import orjson
import psycopg

_PRODUCTS: Final = """
SELECT product.id, handle, product.name, description, brand, status, published_at, publish_at, unpublish_at, tags,
    attributes, product.options, product.version, product.created_at, product.updated_at,
    variant.id, sku, barcode, variant.name, price, currency, compare_at_price, weight_grams, variant.options, position,
    stock.on_hand, stock.reserved
FROM ({chosen}) AS product
JOIN products_variant AS variant ON variant.product_id = product.id
LEFT JOIN LATERAL (
    SELECT sum(level.on_hand)::bigint AS on_hand, sum(level.reserved)::bigint AS reserved
    FROM inventory_stocklevel AS level JOIN inventory_location AS location ON location.id = level.location_id
    WHERE level.variant_id = variant.id AND location.is_active
) AS stock ON true
ORDER BY product.id DESC
"""
_LIST: Final = _PRODUCTS.format(
    chosen="SELECT * FROM products_product WHERE status <> 'archived' ORDER BY id DESC LIMIT 51"
)
_DETAIL: Final = _PRODUCTS.format(chosen="SELECT * FROM products_product WHERE id = %s")
_PRODUCT_NAMES: Final = (
    "id", "handle", "name", "description", "brand", "status", "published_at", "publish_at", "unpublish_at", "tags",
    "attributes", "options", "version", "created_at", "updated_at",
)  # fmt: skip
_VARIANT_NAMES: Final = (
    "id", "sku", "barcode", "name", "price", "currency", "compare_at_price", "weight_grams", "options", "position",
)  # fmt: skip


def response_body(connection: psycopg.Connection[Any], path: str) -> bytes:
    """The body of a page, or of the product whose id ends the path. Each product has one variant here."""
    number = path.rstrip("/").rpartition("/")[2]
    if number.isdigit():
        (row,) = connection.execute(_DETAIL, [int(number)])
        return orjson.dumps(_product(row), default=str)
    page = [_product(row) for row in connection.execute(_LIST)]
    return orjson.dumps({"next": None, "previous": None, "results": page[:50]}, default=str)


def _product(row: tuple[Any, ...]) -> dict[str, Any]:
    split = len(_PRODUCT_NAMES)
    product = dict(zip(_PRODUCT_NAMES, row, strict=False))
    variant = dict(zip(_VARIANT_NAMES, row[split:], strict=False))
    on_hand, reserved = row[-2:]
    variant["stock"] = {"on_hand": on_hand, "reserved": reserved, "available": on_hand - reserved}
    product["variants"], product["images"] = [variant], []
    return product
