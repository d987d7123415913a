"""Examples of requests and answers for the OpenAPI document, by operation id."""

from typing import Any, Final

_MUG: Final[dict[str, Any]] = {
    "name": "Enamel mug",
    "brand": "Alder",
    "category": "kitchen",
    "tags": ["enamel"],
    "attributes": {"capacity_ml": 350},
    "options": [{"name": "Colour", "values": ["Green", "Red"]}],
    "variants": [
        {"sku": "MUG-GREEN", "price": "12.50", "currency": "EUR", "options": {"Colour": "Green"}},
        {"sku": "MUG-RED", "price": "12.50", "currency": "EUR", "options": {"Colour": "Red"}},
    ],
}
_SHOWN_VARIANT: Final[dict[str, Any]] = {
    "id": 21,
    "sku": "MUG-GREEN",
    "barcode": "",
    "name": "",
    "price": "12.50",
    "currency": "EUR",
    "compare_at_price": None,
    "cost": "4.10",
    "weight_grams": 180,
    "options": {"Colour": "Green"},
    "position": 0,
    "stock": {"on_hand": 12, "reserved": 2, "available": 10},
}
_IMAGE: Final[dict[str, Any]] = {
    "id": 31,
    "url": "https://pms.example.com/media/images/3f/mug.webp",
    "thumbnail_url": "https://pms.example.com/media/images/3f/mug-thumbnail.webp",
    "alt": "A green mug",
    "position": 0,
    "width": 1200,
    "height": 900,
}
_SHOWN_MUG: Final[dict[str, Any]] = {
    "id": 12,
    "handle": "enamel-mug",
    "name": "Enamel mug",
    "description": "",
    "brand": "Alder",
    "status": "draft",
    "published_at": None,
    "publish_at": None,
    "unpublish_at": None,
    "category": "kitchen",
    "tags": ["enamel"],
    "attributes": {"capacity_ml": 350},
    "options": [{"name": "Colour", "values": ["Green"]}],
    "variants": [_SHOWN_VARIANT],
    "images": [_IMAGE],
    "version": 3,
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-01-31T12:05:00Z",
}

REQUESTS: Final[dict[str, Any]] = {
    "v1_products_create": _MUG,
    "v1_products_update": _MUG,
    "v1_products_partial_update": {"brand": "Birch", "variants": [{"sku": "MUG-BLUE", "price": "11.90"}]},
    "v1_products_publish_create": {"publish_at": "2030-11-29T00:00:00Z", "unpublish_at": "2030-12-01T00:00:00Z"},
    "v1_products_unpublish_create": {"unpublish_at": "2030-12-01T00:00:00Z"},
    "v1_products_bulk_create": {
        "products": [
            {"name": "Stoneware mug", "variants": [{"sku": "MUG-BLUE", "price": "11.00"}]},
            {"name": "Enamel bowl", "variants": [{"sku": "BOWL", "price": "15.00"}]},
        ],
        "atomic": True,
    },
    "v1_products_variants_partial_update": {"price": "11.90", "compare_at_price": "14.00"},
    "v1_products_categories_create": {"name": "Mugs", "parent": "kitchen"},
    "v1_products_categories_partial_update": {"name": "Kitchen and table"},
    "v1_products_images_create": {"url": "https://supplier.example.com/mug.png", "alt": "A green mug"},
    "v1_products_images_partial_update": {"alt": "A green mug, from above", "position": 1},
    "v1_products_images_uploads_create": {"content_type": "image/jpeg", "size": 48213},
}

FORMS: Final[dict[str, Any]] = {
    "v1_products_images_create": {"file": "mug.png", "alt": "A green mug"},
}

RESPONSES: Final[dict[str, Any]] = {
    "v1_products_list": _SHOWN_MUG,
    "v1_products_retrieve": _SHOWN_MUG,
    "v1_products_create": _SHOWN_MUG,
    "v1_products_partial_update": _SHOWN_MUG,
    "v1_products_publish_create": {**_SHOWN_MUG, "publish_at": "2030-11-29T00:00:00Z"},
    "v1_products_bulk_create": {
        "results": [
            {"index": 0, "status": "updated", "id": 12, "errors": []},
            {"index": 1, "status": "created", "id": 13, "errors": []},
        ],
        "summary": {"updated": 1, "created": 1},
    },
    "v1_products_images_create": {
        **_IMAGE,
        "status": "ready",
        "source_url": "",
        "error": "",
    },
    "v1_products_images_uploads_create": {
        "id": "q3Zr8sYk1pLwVt6nXc2B",
        "url": "https://bucket.example.com/uploads/q3Zr8sYk1pLwVt6nXc2B?signature=0a1b2c",
        "method": "PUT",
        "headers": {"Content-Type": "image/jpeg", "Content-Length": "48213"},
        "expires_at": "2026-01-31T12:15:00Z",
    },
}
