"""The pictures that products show."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from products.models import ImageStatus, ProductImage
from products.representation import represent_image

_FILE = ("image_file__file", "image_file__thumbnail", "image_file__width", "image_file__height")
# In the order of `represent_image`'s parameters, after the product's id.
_VALUES = ("product_id", "pk", *_FILE, "alt", "position")


def images_by_product(product_ids: Sequence[int], *, origin: str = "") -> dict[int, list[dict[str, Any]]]:
    """The ready pictures of each product, in their order, as they are represented: one statement."""
    if not product_ids:
        return {}
    ready = ProductImage.objects.filter(product_id__in=product_ids, status=ImageStatus.READY)
    shown: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for product_id, image_id, *rest in ready.order_by("position", "pk").values_list(*_VALUES):
        shown[product_id].append(represent_image(image_id, *rest, origin=origin))
    return shown


def represent_detail(image: ProductImage, *, origin: str, with_source: bool) -> dict[str, Any]:
    """A picture in whatever state, for the images of a product; `with_source` for those who look after it."""
    file = image.image_file
    shown = represent_image(
        image.pk,
        str(file.file) if file else "",
        str(file.thumbnail) if file else "",
        file.width if file else None,
        file.height if file else None,
        image.alt,
        image.position,
        origin=origin,
    )
    if with_source:
        shown |= {"status": image.status, "source_url": image.source_url, "error": image.error}
    return shown
