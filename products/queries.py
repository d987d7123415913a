"""Where the catalogue speaks of stock: the one module of `products` that may name inventory's tables."""

import functools
from collections.abc import Mapping, Sequence
from typing import Final

from django.db import connection
from django.db.models import BigIntegerField, BooleanField, F, Func, QuerySet, TextField
from django.db.models.expressions import RawSQL

from products.models import Product, Variant
from products.representation import AMOUNTS, MOMENTS

_SUM_OF_ACTIVE_LOCATIONS = """
(SELECT coalesce(sum(level.{column}), 0)::bigint
 FROM inventory_stocklevel AS level JOIN inventory_location AS location ON location.id = level.location_id
 WHERE level.variant_id = products_variant.id AND location.is_active)
"""

_SUM_OVER_VARIANTS = """
(SELECT coalesce(sum(level.{column}), 0)::bigint
 FROM products_variant AS variant
 JOIN inventory_stocklevel AS level ON level.variant_id = variant.id
 JOIN inventory_location AS location ON location.id = level.location_id
 WHERE variant.product_id = products_product.id AND location.is_active)
"""

_COUNT_OF_VARIANTS = """
(SELECT count(*) FROM products_variant AS variant WHERE variant.product_id = products_product.id)
"""

_HAS_AVAILABLE = """
EXISTS (SELECT 1
 FROM products_variant AS variant
 JOIN inventory_stocklevel AS level ON level.variant_id = variant.id
 JOIN inventory_location AS location ON location.id = level.location_id
 WHERE variant.product_id = %(expressions)s AND NOT variant.is_archived
   AND location.is_active AND level.on_hand > level.reserved)
"""

# How a field is read where it is not the column of its name. An amount is a string there, since a number of JSON is
# read as a float; a moment is written as `representation` writes it.
_OF_PRODUCT: Final = {
    **{name: f"to_char(product.{name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')" for name in MOMENTS},
    "category": "(SELECT category.slug FROM products_category AS category WHERE category.id = product.category_id)",
}
_OF_VARIANT: Final = {
    **{name: f"variant.{name}::text" for name in AMOUNTS},
    "stock": "json_build_array(coalesce(stock.on_hand, 0), coalesce(stock.reserved, 0))",
}
_OF_IMAGE: Final = {
    "url": "content.file",
    "thumbnail_url": "content.thumbnail",
    "width": "content.width",
    "height": "content.height",
}
_STOCK_OF_VARIANT = """
 LEFT JOIN LATERAL (
    SELECT sum(level.on_hand) AS on_hand, sum(level.reserved) AS reserved
    FROM inventory_stocklevel AS level JOIN inventory_location AS location ON location.id = level.location_id
    WHERE level.variant_id = variant.id AND location.is_active
 ) AS stock ON true
"""


# How many choices of fields are remembered.
MAX_STATEMENTS: Final = 100

_CATEGORIES_BELOW = """
WITH RECURSIVE below AS (
    SELECT id FROM products_category WHERE slug = %s
    UNION
    SELECT category.id FROM products_category AS category JOIN below ON category.parent_id = below.id
)
SELECT id FROM below
"""


def product_as_text(names: Sequence[str], variant_names: Sequence[str], image_names: Sequence[str]) -> Func:
    """These fields of a row of products, as text of a JSON array: current variants and ready images as arrays too.

    The whole product is one expression, since Django takes longer to compile eighteen than PostgreSQL to answer them.
    """
    product = _product(names, variant_names, image_names)
    return _text_of(f"(SELECT {product} FROM products_product AS product WHERE product.id = %(expressions)s)")


@functools.lru_cache(maxsize=MAX_STATEMENTS)
def statement_of_product(names: Sequence[str], variant_names: Sequence[str], image_names: Sequence[str]) -> str:
    """Reads (status, version, the same text) of the product with an id: the detail's whole statement, compiled once."""
    product = _product(names, variant_names, image_names)
    return (
        f"SELECT product.status, product.version, {product} FROM products_product AS product WHERE product.id = %(id)s"
    )


def variant_as_text(names: Sequence[str]) -> Func:
    """These fields of a row of variants, as text of a JSON array."""
    return _text_of(f"""
(SELECT {_array(names, "variant", _OF_VARIANT)}::text
 FROM products_variant AS variant {_STOCK_OF_VARIANT if "stock" in names else ""}
 WHERE variant.id = %(expressions)s)
""")


def _product(names: Sequence[str], variant_names: Sequence[str], image_names: Sequence[str]) -> str:
    others = {**_OF_PRODUCT, "variants": _variants(variant_names), "images": _images(image_names)}
    return f"{_array(names, 'product', others)}::text"


def _variants(names: Sequence[str]) -> str:
    return f"""
(SELECT coalesce(json_agg({_array(names, "variant", _OF_VARIANT)} ORDER BY variant.position, variant.id), '[]')
 FROM products_variant AS variant {_STOCK_OF_VARIANT if "stock" in names else ""}
 WHERE variant.product_id = product.id AND NOT variant.is_archived)
"""


def _images(names: Sequence[str]) -> str:
    return f"""
(SELECT coalesce(json_agg({_array(names, "image", _OF_IMAGE)} ORDER BY image.position, image.id), '[]')
 FROM products_productimage AS image JOIN products_imagefile AS content ON content.id = image.image_file_id
 WHERE image.product_id = product.id AND image.status = 'ready')
"""


def _array(names: Sequence[str], table: str, others: Mapping[str, str]) -> str:
    return f"json_build_array({', '.join(others.get(name, f'{table}.{name}') for name in names)})"


def _text_of(template: str) -> Func:
    return Func(F("pk"), template=template, output_field=TextField())


def with_stock(variants: QuerySet[Variant]) -> QuerySet[Variant]:
    """Variants with `stock_on_hand` and `stock_reserved`, summed over the active locations."""
    on_hand, reserved = (_SUM_OF_ACTIVE_LOCATIONS.format(column=column) for column in ("on_hand", "reserved"))
    return variants.annotate(
        stock_on_hand=RawSQL(on_hand, [], output_field=BigIntegerField()),  # noqa: S611 - constant text
        stock_reserved=RawSQL(reserved, [], output_field=BigIntegerField()),  # noqa: S611 - constant text
    )


def with_totals(products: QuerySet[Product]) -> QuerySet[Product]:
    """Products with `variants_count`, and `stock_on_hand` and `stock_reserved` over their variants: one statement."""
    on_hand, reserved = (_SUM_OVER_VARIANTS.format(column=column) for column in ("on_hand", "reserved"))
    return products.annotate(
        variants_count=RawSQL(_COUNT_OF_VARIANTS, [], output_field=BigIntegerField()),  # noqa: S611 - constant text
        stock_on_hand=RawSQL(on_hand, [], output_field=BigIntegerField()),  # noqa: S611 - constant text
        stock_reserved=RawSQL(reserved, [], output_field=BigIntegerField()),  # noqa: S611 - constant text
    )


def in_stock(products: QuerySet[Product], *, wanted: bool) -> QuerySet[Product]:
    """Products of which something, or nothing, is available."""
    return products.alias(has_available=Func(F("pk"), template=_HAS_AVAILABLE, output_field=BooleanField())).filter(
        has_available=wanted
    )


def categories_below(slug: str) -> list[int]:
    """The ids of a category and of those below it; none where there is no such category.

    Read by a statement of its own, so that the next is planned for these categories.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CATEGORIES_BELOW, [slug])
        return [row[0] for row in cursor.fetchall()]
