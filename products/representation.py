"""Products in JSON: the fields that the API and the events show, each named once, and how models become such JSON."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypedDict

from django.db.models import DateTimeField, DecimalField

from products.images.names import url_of
from products.models import ImageStatus, Product, ProductImage, Variant


class OptionData(TypedDict):
    """One way in which the variants of a product differ."""

    name: str
    values: list[str]


class VariantData(TypedDict):
    """A variant in an event: without cost and stock."""

    id: int
    sku: str
    barcode: str
    name: str
    price: str | None
    currency: str
    compare_at_price: str | None
    weight_grams: int | None
    options: dict[str, str]
    position: int


class FullVariantData(VariantData):
    """A variant in the API."""

    cost: str | None
    stock: dict[str, int]


class ImageData(TypedDict):
    """A ready image; events have its URLs without an origin, and `thumbnail_url` is null until the thumbnail exists."""

    id: int
    url: str
    thumbnail_url: str | None
    alt: str
    position: int
    width: int
    height: int


class ProductData(TypedDict):
    """A product in an event."""

    id: int
    handle: str
    name: str
    description: str
    brand: str
    status: Literal["draft", "active", "archived"]
    published_at: datetime | None
    publish_at: datetime | None
    unpublish_at: datetime | None
    category: str | None
    tags: list[str]
    attributes: dict[str, Any]
    options: list[OptionData]
    variants: list[VariantData]
    images: list[ImageData]
    version: int
    created_at: datetime
    updated_at: datetime


PRODUCT_FIELDS: Final = tuple(ProductData.__annotations__)
VARIANT_FIELDS: Final = tuple(FullVariantData.__annotations__)
IMAGE_FIELDS: Final = tuple(ImageData.__annotations__)
MOMENTS: Final = frozenset(field.name for field in Product._meta.concrete_fields if isinstance(field, DateTimeField))
AMOUNTS: Final = frozenset(field.name for field in Variant._meta.concrete_fields if isinstance(field, DecimalField))
# The fields of an image that are columns of its `ImageFile`.
IMAGE_FILE_COLUMNS: Final = {"url": "file", "thumbnail_url": "thumbnail", "width": "width", "height": "height"}


def image_as_json(names: Sequence[str], values: Iterable[Any], url_of: Callable[[str], str]) -> dict[str, Any]:
    """An image of the values of these fields: `url` and `thumbnail_url` as the names of files."""
    image = dict(zip(names, values, strict=True))
    for name in ("url", "thumbnail_url"):
        if name in image:
            image[name] = url_of(image[name]) if image[name] else None
    return image


def represent_product(
    product: Product, variants: Sequence[Variant], images: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The `ProductData` of a product, with its current variants and these representations of its images."""
    derived: dict[str, Any] = {
        "category": product.category.slug if product.category else None,
        "variants": [_represent_variant(variant) for variant in variants if not variant.is_archived],
        "images": list(images),
    }
    derived |= {name: _moment(getattr(product, name)) for name in MOMENTS}
    return {name: derived[name] if name in derived else getattr(product, name) for name in PRODUCT_FIELDS}


def _represent_variant(variant: Variant) -> dict[str, Any]:
    values = {name: getattr(variant, name) for name in VariantData.__annotations__}
    return values | {name: amount_as_text(values[name]) for name in AMOUNTS if name in values}


def amount_as_text(value: Decimal | None) -> str | None:
    """An amount with its decimals."""
    return None if value is None else f"{value:.2f}"


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def images_by_product(product_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """The representations of the ready images of each product, in their order, by one statement."""
    if not product_ids:
        return {}
    columns = (
        f"image_file__{IMAGE_FILE_COLUMNS[name]}" if name in IMAGE_FILE_COLUMNS else name for name in IMAGE_FIELDS
    )
    ready = ProductImage.objects.filter(product_id__in=product_ids, status=ImageStatus.READY)
    images: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for product_id, *values in ready.order_by("position", "pk").values_list("product_id", *columns):
        images[product_id].append(image_as_json(IMAGE_FIELDS, values, url_of))
    return images


def represent_image(image: ProductImage, *, origin: str, with_source: bool) -> dict[str, Any]:
    """An image in any state; `with_source` adds its status, its source and why it failed."""
    file = image.image_file
    values = (
        (getattr(file, IMAGE_FILE_COLUMNS[name]) if file else None)
        if name in IMAGE_FILE_COLUMNS
        else getattr(image, name)
        for name in IMAGE_FIELDS
    )
    shown = image_as_json(IMAGE_FIELDS, values, lambda name: url_of(str(name), origin=origin))
    if with_source:
        shown |= {"status": image.status, "source_url": image.source_url, "error": image.error}
    return shown
