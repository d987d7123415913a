"""Where the catalogue speaks of stock: the one module of `products` that may name inventory's tables."""

from django.db.models import BigIntegerField, BooleanField, Prefetch, QuerySet
from django.db.models.expressions import RawSQL

from products.models import Product, Variant

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
 WHERE variant.product_id = products_product.id AND location.is_active AND level.on_hand > level.reserved)
"""


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


def with_variants_and_stock(products: QuerySet[Product]) -> QuerySet[Product]:
    """Products ready to be represented: two statements, however many there are."""
    variants = with_stock(Variant.objects.order_by("position", "id"))
    return products.select_related("category").prefetch_related(Prefetch("variants", variants))


def in_stock(products: QuerySet[Product], *, wanted: bool) -> QuerySet[Product]:
    """Products of which something, or nothing, is available."""
    return products.annotate(
        has_available=RawSQL(_HAS_AVAILABLE, [], output_field=BooleanField())  # noqa: S611 - constant text
    ).filter(has_available=wanted)
