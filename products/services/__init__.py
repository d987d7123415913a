"""The writes of the catalogue."""

from products.services.bulk import upsert_products
from products.services.categories import create_category, delete_category, update_category
from products.services.image_urls import ImageURL, attach_image_urls
from products.services.products import (
    archive_product,
    create_product,
    publish_product,
    restore_product,
    unpublish_product,
    update_product,
)

__all__ = [
    "ImageURL",
    "archive_product",
    "attach_image_urls",
    "create_category",
    "create_product",
    "delete_category",
    "publish_product",
    "restore_product",
    "unpublish_product",
    "update_category",
    "update_product",
    "upsert_products",
]
