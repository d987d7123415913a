"""The writes of the catalogue."""

from products.services.bulk import upsert_products
from products.services.categories import create_category, delete_category, update_category
from products.services.products import (
    archive_product,
    create_product,
    replace_product,
    restore_product,
    update_product,
    update_variant,
)
from products.services.schedules import publish_due_products, publish_product, schedule_product, unpublish_product

__all__ = [
    "archive_product",
    "create_category",
    "create_product",
    "delete_category",
    "publish_due_products",
    "publish_product",
    "replace_product",
    "restore_product",
    "schedule_product",
    "unpublish_product",
    "update_category",
    "update_product",
    "update_variant",
    "upsert_products",
]
