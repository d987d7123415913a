"""All writes of the catalogue."""

from products.services.bulk import preview_products, upsert_products
from products.services.categories import create_category, delete_category, update_category
from products.services.duplicates import duplicate_product
from products.services.image_fetching import fetch_due_images
from products.services.image_files import store_picture, store_pictures
from products.services.image_sweep import sweep_stray_files, sweep_unused_images
from products.services.image_urls import ImageList, ImageURL, attach_image_urls, replace_image_lists
from products.services.images import add_image, add_image_url, delete_image, fetch_wake_up, order_images, update_image
from products.services.products import (
    archive_product,
    create_product,
    replace_product,
    restore_product,
    update_product,
    update_variant,
)
from products.services.schedules import publish_due_products, publish_product, schedule_product, unpublish_product
from products.services.thumbnails import make_due_thumbnails
from products.services.uploads import create_upload, store_upload
