"""Adds images by their URLs to many products at a time; they are fetched afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.files.storage import default_storage
from django.db import connection

from pms_backend.api.arrays import as_array
from pms_backend.api.transactions import retried_atomic
from products.models import ProductImage
from products.services.images import fetch_wake_up, touch_products


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageURL:
    """An image of a product; None leaves a value as it is, and for a new image means no text and the last position."""

    product_id: int
    url: str
    alt: str | None = None
    position: int | None = None


_INSERT = """
INSERT INTO products_productimage (product_id, source_url, alt, position, status, attempts, error)
SELECT wanted.product_id, wanted.url, wanted.alt, wanted.position, 'pending', 0, ''
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[])
    WITH ORDINALITY AS wanted(product_id, url, alt, position, number)
ORDER BY wanted.number
ON CONFLICT DO NOTHING
RETURNING product_id
"""

_UPDATE = """
UPDATE products_productimage AS image SET alt = wanted.alt, position = wanted.position
FROM unnest(%s::bigint[], %s::text[], %s::int[]) AS wanted(id, alt, position)
WHERE image.id = wanted.id
RETURNING image.product_id, image.status = 'ready'
"""

_Key = tuple[int, str]


@retried_atomic
def attach_image_urls(*, images: Sequence[ImageURL]) -> set[int]:
    """Adds images to fetch, and updates alt text and position of images that the products have already.

    An image is identified by its URL, or by the path of its file in our storage. The caller has locked the products.
    Returns the ids of the changed products; if a ready image changes, its product's version increases.
    """
    if not images:
        return set()
    known, last = _known({image.product_id for image in images})
    new: dict[_Key, tuple[str, int]] = {}
    changed: dict[int, tuple[str, int]] = {}
    for image in images:
        present = known.get((image.product_id, image.url)) or known.get((image.product_id, urlsplit(image.url).path))
        if present is None:
            position = image.position
            if position is None:
                position = last.get(image.product_id, 0) + 1
            last[image.product_id] = max(position, last.get(image.product_id, 0))
            new.setdefault((image.product_id, image.url), (image.alt or "", position))
            continue
        pk, alt, position = present
        wanted = (alt if image.alt is None else image.alt, position if image.position is None else image.position)
        if wanted != (alt, position):
            changed[pk] = wanted
    return _write(new, changed)


def _known(product_ids: set[int]) -> tuple[dict[_Key, tuple[int, str, int]], dict[int, int]]:
    """The images by (product, URL or path in our storage), and the last position of each product."""
    known: dict[_Key, tuple[int, str, int]] = {}
    last: dict[int, int] = {}
    images = ProductImage.objects.filter(product_id__in=product_ids).order_by().select_related("image_file")
    for image in images:
        name = image.source_url
        if not name and image.image_file is not None:
            name = urlsplit(default_storage.url(str(image.image_file.file))).path
        known[image.product_id, name] = (image.pk, image.alt, image.position)
        last[image.product_id] = max(image.position, last.get(image.product_id, 0))
    return known, last


def _write(new: dict[_Key, tuple[str, int]], changed: dict[int, tuple[str, int]]) -> set[int]:
    touched: set[int] = set()
    visible: list[int] = []
    with connection.cursor() as cursor:
        if new:
            images = [(*key, *values) for key, values in new.items()]
            cursor.execute(_INSERT, [as_array(column) for column in zip(*images, strict=True)])
            touched |= {row[0] for row in cursor.fetchall()}
        if changed:
            rows = [(pk, *wanted) for pk, wanted in changed.items()]
            cursor.execute(_UPDATE, [as_array(column) for column in zip(*rows, strict=True)])
            written = cursor.fetchall()
            touched |= {product_id for product_id, _ in written}
            visible = sorted({product_id for product_id, is_ready in written if is_ready})
    if new:
        fetch_wake_up.send_after_commit()
    touch_products(visible)
    return touched
