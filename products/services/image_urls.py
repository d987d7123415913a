"""Adds images by their URLs to many products at a time; they are fetched afterwards."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from django.core.files.storage import default_storage
from django.db import connection

from pms_backend.access.services import FieldChange, changes_between, values_of
from pms_backend.api.arrays import as_array
from pms_backend.api.transactions import retried_atomic
from products.images.limits import MAX_IMAGES
from products.models import ImageStatus, ProductImage
from products.services.images import (
    fetch_wake_up,
    image_removed,
    record_hidden_changes,
    retry_fetches,
    touch_products,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageURL:
    """An image of a product; None leaves a value as it is, and for a new image means no text and the last position."""

    product_id: int
    url: str
    alt: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageList:
    """All images that another system has of a product: the URLs in their order, with their texts as in `ImageURL`.

    `retries_failed`: an image whose fetch has failed is tried again. `request_id` is that of the product's event.
    """

    product_id: int
    images: Mapping[str, str | None]
    retries_failed: bool
    request_id: str


@dataclass(slots=True)
class ImageChanges:
    """The ids of the changed products; `left_out` says by product that it cannot have all images."""

    product_ids: set[int] = field(default_factory=set)
    left_out: dict[int, str] = field(default_factory=dict)


@retried_atomic
def attach_image_urls(*, images: Sequence[ImageURL]) -> ImageChanges:
    """Adds images to fetch, and updates alt text and position of images that the products have already.

    An image is identified by its URL, or by the path of its file in our storage; of two that are the same, the first
    counts. The caller has locked the products. If a ready image changes, its product's version increases.
    """
    if not images:
        return ImageChanges()
    plan = _Plan({image.product_id for image in images})
    for image in images:
        plan.put(image)
    return plan.write()


@retried_atomic
def replace_image_lists(*, lists: Sequence[ImageList], listed_by: str) -> ImageChanges:
    """Makes the images that `listed_by` keeps of each product those of its list, by the rules of `attach_image_urls`.

    Other images stay, although one that was there before may get the text and the position that it has in the list.
    """
    if not lists:
        return ImageChanges()
    plan = _Plan({one.product_id for one in lists}, listed_by=listed_by)
    for one in lists:
        plan.replace(one)
    return plan.write({one.product_id: one.request_id for one in lists})


_INSERT: Final = """
INSERT INTO products_productimage (product_id, source_url, alt, position, listed_by, status, attempts, error)
SELECT wanted.product_id, wanted.url, wanted.alt, wanted.position, %s, 'pending', 0, ''
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::int[])
    WITH ORDINALITY AS wanted(product_id, url, alt, position, number)
ORDER BY wanted.number
ON CONFLICT DO NOTHING
RETURNING product_id
"""

_UPDATE: Final = """
UPDATE products_productimage AS image SET alt = wanted.alt, position = wanted.position
FROM unnest(%s::bigint[], %s::text[], %s::int[]) AS wanted(id, alt, position)
WHERE image.id = wanted.id
RETURNING image.product_id, image.status = 'ready', image.id
"""


class _Plan:
    """What becomes of the images of products, written by a constant number of statements."""

    def __init__(self, product_ids: set[int], *, listed_by: str = "") -> None:
        self._listed_by = listed_by
        self._known: dict[tuple[int, str], ProductImage] = {}
        self._of_product: dict[int, list[ProductImage]] = defaultdict(list)
        images = ProductImage.objects.filter(product_id__in=product_ids).order_by().select_related("image_file")
        for image in images:
            self._known[image.product_id, _name_of(image)] = image
            self._of_product[image.product_id].append(image)
        self._last = {pk: max(image.position for image in found) for pk, found in self._of_product.items()}
        self._count = Counter({pk: len(found) for pk, found in self._of_product.items()})
        self._named: set[int] = set()
        self._new: dict[tuple[int, str], tuple[str, int]] = {}
        self._changed: dict[int, tuple[str, int]] = {}
        self._before: dict[int, dict[str, Any]] = {}
        self._removed: list[ProductImage] = []
        self._retried: list[int] = []
        self._left_out: Counter[int] = Counter()

    def replace(self, one: ImageList) -> None:
        """Plans the images of a list, and the end of those that were in it before."""
        listed = [image for url in one.images if (image := self._find(one.product_id, url)) is not None]
        keys = {image.pk for image in listed}
        removed = [
            image
            for image in self._of_product[one.product_id]
            if image.listed_by == self._listed_by and image.pk not in keys
        ]
        self._removed += removed
        self._count[one.product_id] -= len(removed)
        for position, (url, alt) in enumerate(one.images.items()):
            self.put(ImageURL(product_id=one.product_id, url=url, alt=alt, position=position))
        if one.retries_failed:
            self._retried += [image.pk for image in listed if image.status == ImageStatus.FAILED]

    def put(self, image: ImageURL) -> None:
        """Plans one image."""
        present = self._find(image.product_id, image.url)
        if present is None:
            self._add(image)
        elif present.pk not in self._named:
            self._named.add(present.pk)
            alt = present.alt if image.alt is None else image.alt
            position = present.position if image.position is None else image.position
            if (alt, position) != (present.alt, present.position):
                self._changed[present.pk] = (alt, position)
                self._before[present.pk] = values_of(present, ("alt", "position"))

    def _find(self, product_id: int, url: str) -> ProductImage | None:
        return self._known.get((product_id, url)) or self._known.get((product_id, urlsplit(url).path))

    def _add(self, image: ImageURL) -> None:
        pk = image.product_id
        if (pk, image.url) in self._new:
            return
        if self._count[pk] >= MAX_IMAGES:
            self._left_out[pk] += 1
            return
        self._count[pk] += 1
        position = self._last.get(pk, 0) + 1 if image.position is None else image.position
        self._last[pk] = max(position, self._last.get(pk, 0))
        self._new[pk, image.url] = (image.alt or "", position)

    def write(self, request_ids: Mapping[int, str] | None = None) -> ImageChanges:
        """Writes what is planned; `request_ids` are those of the products' events."""
        touched = {image.product_id for image in self._removed}
        changes: dict[int, list[FieldChange]] = defaultdict(list)
        shown = {image.product_id for image in self._removed if image.status == ImageStatus.READY}
        for image in self._removed:
            changes[image.product_id].append(image_removed(image))
        if self._removed:
            ProductImage.objects.filter(pk__in=[image.pk for image in self._removed]).delete()
        with connection.cursor() as cursor:
            if self._new:
                images = [(*key, *values) for key, values in self._new.items()]
                arrays = [as_array(column) for column in zip(*images, strict=True)]
                cursor.execute(_INSERT, [self._listed_by, *arrays])
                touched |= {row[0] for row in cursor.fetchall()}
            if self._changed:
                rows = [(pk, *wanted) for pk, wanted in self._changed.items()]
                cursor.execute(_UPDATE, [as_array(column) for column in zip(*rows, strict=True)])
                written = cursor.fetchall()
                touched |= {product_id for product_id, *_ in written}
                for product_id, is_ready, pk in written:
                    changes[product_id] += self._changes_of(pk)
                    if is_ready:
                        shown.add(product_id)
        if self._new:
            fetch_wake_up.send_after_commit()
        if self._retried:
            retry_fetches(self._retried)
        touch_products({pk: found for pk, found in changes.items() if pk in shown}, request_ids)
        record_hidden_changes({pk: found for pk, found in changes.items() if pk not in shown}, request_ids)
        return ImageChanges(
            touched,
            {
                product_id: f"A product has at most {MAX_IMAGES} images; {count} of these are left out."
                for product_id, count in self._left_out.items()
            },
        )

    def _changes_of(self, pk: int) -> list[FieldChange]:
        alt, position = self._changed[pk]
        changes = changes_between(self._before[pk], {"alt": alt, "position": position})
        return [replace(change, field=f"images[{pk}].{change.field}") for change in changes]


def _name_of(image: ProductImage) -> str:
    """The URL of an image, or the path of its file in our storage."""
    if image.source_url or image.image_file is None:
        return image.source_url
    return urlsplit(default_storage.url(str(image.image_file.file))).path
