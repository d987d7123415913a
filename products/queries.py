"""SQL that reads products with their stock: the one module of `products` that may name inventory's tables."""

import functools
from collections.abc import Mapping, Sequence
from typing import Final

from django.db import connection
from django.db.models import BigIntegerField, BooleanField, F, Func, JSONField, QuerySet, TextField, Value
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Cast

from pms_backend.api.prepared_statements import on_one_line
from products.models import Product, Variant
from products.representation import AMOUNTS, IMAGE_FILE_COLUMNS, MOMENTS

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

_VARIANTS_COUNT = """
(SELECT count(*) FROM products_variant AS variant
 WHERE variant.product_id = products_product.id AND NOT variant.is_archived)
"""

_PRICE_RANGE = """
(SELECT jsonb_build_array(min(price)::text, max(price)::text, min(currency), max(currency))
 FROM products_variant AS variant WHERE variant.product_id = products_product.id AND NOT variant.is_archived)
"""

_HAS_AVAILABLE = """
EXISTS (SELECT 1
 FROM products_variant AS variant
 JOIN inventory_stocklevel AS level ON level.variant_id = variant.id
 JOIN inventory_location AS location ON location.id = level.location_id
 WHERE variant.product_id = %(expressions)s AND NOT variant.is_archived
   AND location.is_active AND level.on_hand > level.reserved)
"""

# The expression of a field that is not the column of its name. Amounts are strings, since JSON numbers are read as
# floats; moments have the format of `representation`.
_PRODUCT_EXPRESSIONS: Final = {
    # They are a column of their own: their numbers are read in another way.
    "attributes": "NULL",
    **{name: f"to_char(product.{name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')" for name in MOMENTS},
    "category": "(SELECT category.slug FROM products_category AS category WHERE category.id = product.category_id)",
}
_VARIANT_EXPRESSIONS: Final = {
    **{name: f"variant.{name}::text" for name in AMOUNTS},
    "stock": "json_build_array(coalesce(stock.on_hand, 0), coalesce(stock.reserved, 0))",
}
_IMAGE_EXPRESSIONS: Final = {name: f"content.{column}" for name, column in IMAGE_FILE_COLUMNS.items()}
_STOCK_VARIANT_EXPRESSIONS = """
 LEFT JOIN LATERAL (
    SELECT sum(level.on_hand) AS on_hand, sum(level.reserved) AS reserved
    FROM inventory_stocklevel AS level JOIN inventory_location AS location ON location.id = level.location_id
    WHERE level.variant_id = variant.id AND location.is_active
 ) AS stock ON true
"""

# The number of field selections of which the statement is cached.
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
    """These fields of a product as the text of a JSON array, in which current variants and ready images are arrays too.

    `attributes` are null in it; `attributes_as_text` reads them. The whole product is one expression, since Django
    takes longer to compile eighteen than PostgreSQL to compute them.
    """
    product = _product(names, variant_names, image_names)
    return _text_of(f"(SELECT {product} FROM products_product AS product WHERE product.id = %(expressions)s)")


def attributes_as_text(names: Sequence[str]) -> Combinable:
    """The text of a product's attributes, if these fields contain them."""
    return Cast("attributes", TextField()) if "attributes" in names else Value(None, TextField())


@functools.lru_cache(maxsize=MAX_STATEMENTS)
def product_statement(names: Sequence[str], variant_names: Sequence[str], image_names: Sequence[str]) -> str:
    """The statement that reads the product `%(id)s`: status, version, and the texts of product and attributes."""
    columns = _columns(names, variant_names, image_names)
    return on_one_line(
        f"SELECT product.status, product.version, {columns} FROM products_product AS product WHERE product.id = %(id)s"
    )


@functools.lru_cache(maxsize=MAX_STATEMENTS)
def newest_products_statement(
    names: Sequence[str],
    variant_names: Sequence[str],
    image_names: Sequence[str],
    *,
    only_published: bool,
    is_before: bool,
    limit: int,
) -> str:
    """The statement that reads products below the id `%(id)s`, newest first; with `is_before` those above it, reversed.

    It reads id, version, and the texts of product and attributes. The limit is not a parameter: without its value,
    PostgreSQL expects so many rows that it would plan the statement anew at each execution.
    """
    columns = _columns(names, variant_names, image_names)
    condition = "status = 'active'" if only_published else "status <> 'archived'"
    comparison, direction = (">", "ASC") if is_before else ("<", "DESC")
    return on_one_line(f"""
SELECT product.id, product.version, {columns}
FROM products_product AS product
WHERE product.{condition} AND product.id {comparison} %(id)s
ORDER BY product.id {direction} LIMIT {limit}
""")


def variant_as_text(names: Sequence[str]) -> Func:
    """These fields of a variant as the text of a JSON array."""
    return _text_of(f"""
(SELECT {_array(names, "variant", _VARIANT_EXPRESSIONS)}::text
 FROM products_variant AS variant {_STOCK_VARIANT_EXPRESSIONS if "stock" in names else ""}
 WHERE variant.id = %(expressions)s)
""")


@functools.lru_cache(maxsize=MAX_STATEMENTS)
def variant_statement(names: Sequence[str], *, only_published: bool) -> str:
    """The statement that reads the variant `%(id)s`: its id, product, whether it is archived, version, and text."""
    condition = " AND product.status = 'active' AND NOT variant.is_archived" if only_published else ""
    return on_one_line(f"""
SELECT variant.id, variant.product_id, variant.is_archived, product.version,
    {_array(names, "variant", _VARIANT_EXPRESSIONS)}::text
FROM products_variant AS variant
JOIN products_product AS product ON product.id = variant.product_id
{_STOCK_VARIANT_EXPRESSIONS if "stock" in names else ""}
WHERE variant.id = %(id)s{condition}
""")


def _columns(names: Sequence[str], variant_names: Sequence[str], image_names: Sequence[str]) -> str:
    attributes = "product.attributes::text" if "attributes" in names else "NULL"
    return f"{_product(names, variant_names, image_names)}, {attributes}"


def _product(names: Sequence[str], variant_names: Sequence[str], image_names: Sequence[str]) -> str:
    expressions = {**_PRODUCT_EXPRESSIONS, "variants": _variants(variant_names), "images": _images(image_names)}
    return f"{_array(names, 'product', expressions)}::text"


def _variants(names: Sequence[str]) -> str:
    return f"""
(SELECT coalesce(json_agg({_array(names, "variant", _VARIANT_EXPRESSIONS)} ORDER BY variant.position, variant.id), '[]')
 FROM products_variant AS variant {_STOCK_VARIANT_EXPRESSIONS if "stock" in names else ""}
 WHERE variant.product_id = product.id AND NOT variant.is_archived)
"""


def _images(names: Sequence[str]) -> str:
    return f"""
(SELECT coalesce(json_agg({_array(names, "image", _IMAGE_EXPRESSIONS)} ORDER BY image.position, image.id), '[]')
 FROM products_productimage AS image JOIN products_imagefile AS content ON content.id = image.image_file_id
 WHERE image.product_id = product.id AND image.status = 'ready')
"""


def _array(names: Sequence[str], table: str, expressions: Mapping[str, str]) -> str:
    return f"json_build_array({', '.join(expressions.get(name, f'{table}.{name}') for name in names)})"


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
    """Products with `stock_on_hand` and `stock_reserved` over their variants, `variants_count` and `price_range`.

    The range is that of the current variants: the lowest and the highest price, the first and the last currency. All
    are read by one statement.
    """
    on_hand, reserved = (_SUM_OVER_VARIANTS.format(column=column) for column in ("on_hand", "reserved"))
    return products.annotate(
        variants_count=RawSQL(_VARIANTS_COUNT, [], output_field=BigIntegerField()),  # noqa: S611 - constant text
        price_range=RawSQL(_PRICE_RANGE, [], output_field=JSONField()),  # noqa: S611 - constant text
        stock_on_hand=RawSQL(on_hand, [], output_field=BigIntegerField()),  # noqa: S611 - constant text
        stock_reserved=RawSQL(reserved, [], output_field=BigIntegerField()),  # noqa: S611 - constant text
    )


def in_stock(products: QuerySet[Product], *, wanted: bool) -> QuerySet[Product]:
    """Products of which stock is available, or with `wanted=False` those without."""
    return products.alias(has_available=Func(F("pk"), template=_HAS_AVAILABLE, output_field=BooleanField())).filter(
        has_available=wanted
    )


def categories_below(slug: str) -> list[int]:
    """The ids of a category and of all its descendants; empty when no category has the slug.

    Read by a separate statement, so that PostgreSQL plans the next one for these ids.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CATEGORIES_BELOW, [slug])
        return [row[0] for row in cursor.fetchall()]
