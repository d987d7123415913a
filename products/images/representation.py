"""The pictures that products show."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from products.images.names import url_of
from products.models import ImageStatus, ProductImage
from products.representation import IMAGE_FIELDS, image_as_json

# In the order of `IMAGE_FIELDS`.
_COLUMNS = (
    *("pk", "image_file__file", "image_file__thumbnail", "alt", "position"),
    *("image_file__width", "image_file__height"),
)


def images_by_product(product_ids: Sequence[int], *, origin: str = "") -> dict[int, list[dict[str, Any]]]:
    """The ready pictures of each product, in their order, as they are represented: one statement."""
    if not product_ids:
        return {}
    ready = ProductImage.objects.filter(product_id__in=product_ids, status=ImageStatus.READY)
    shown: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for product_id, *values in ready.order_by("position", "pk").values_list("product_id", *_COLUMNS):
        shown[product_id].append(image_as_json(IMAGE_FIELDS, values, partial(url_of, origin=origin)))
    return shown


def represent_detail(image: ProductImage, *, origin: str, with_source: bool) -> dict[str, Any]:
    """A picture in whatever state, for the images of a product; `with_source` for those who look after it."""
    file = image.image_file
    values = (
        *(image.pk, str(file.file) if file else "", str(file.thumbnail) if file else "", image.alt, image.position),
        *((file.width, file.height) if file else (None, None)),
    )
    shown = image_as_json(IMAGE_FIELDS, values, partial(url_of, origin=origin))
    if with_source:
        shown |= {"status": image.status, "source_url": image.source_url, "error": image.error}
    return shown
