"""Copies of products."""

from collections.abc import Sequence
from typing import Any, Final

from pms_backend.access.services import collected
from pms_backend.api.transactions import retried_atomic
from products.models import ImageStatus, Product, ProductImage, Variant
from products.services.changes import PRODUCT_INPUT, VARIANT_INPUT
from products.services.images import image_added, touch_products
from products.services.products import create_product, lock_product, lock_variants
from products.skus import clean_sku, sku_key

SUFFIX: Final = "-COPY"
MAX_COPIES: Final = 1_000
IMAGE_COPIED: Final = ("image_file_id", "source_url", "alt", "position")


@retried_atomic
@collected()
def duplicate_product(*, product_id: int, name: str) -> Product:
    """Creates a draft with the texts, options, variants, prices and ready images of a product.

    The SKUs of the copy end in `-COPY`, or `-COPY-2` and so on if one of these exists. It has no stock, no schedule and
    no barcodes, because a barcode belongs to one item. Raises `ProductNotFound`, `InvalidSku`.
    """
    product = lock_product(product_id)
    variants = [variant for variant in lock_variants([product_id]) if not variant.is_archived]
    skus = _free_skus([variant.sku for variant in variants])
    copy = create_product(
        data={
            **_values(product, PRODUCT_INPUT),
            "name": name,
            "handle": "",
            "category": product.category.slug if product.category else None,
            "attributes": product.attributes,
            "variants": [
                {**_values(variant, VARIANT_INPUT), "sku": sku, "barcode": ""}
                for variant, sku in zip(variants, skus, strict=True)
            ],
        }
    )
    _copy_images(product, copy)
    return copy


def _values(row: Product | Variant, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _free_skus(skus: Sequence[str]) -> list[str]:
    for number in range(1, MAX_COPIES):
        suffix = SUFFIX if number == 1 else f"{SUFFIX}-{number}"
        free = [clean_sku(f"{sku}{suffix}") for sku in skus]
        if not Variant.objects.filter(sku_key__in=[sku_key(sku) for sku in free]).exists():
            return free
    return free


def _copy_images(product: Product, copy: Product) -> None:
    """Lets the copy show the same files."""
    images = [
        ProductImage(product=copy, **{name: getattr(image, name) for name in IMAGE_COPIED})
        for image in product.images.filter(status=ImageStatus.READY)
    ]
    if images:
        ProductImage.objects.bulk_create(images)
        touch_products({copy.pk: [image_added(image) for image in images]})
