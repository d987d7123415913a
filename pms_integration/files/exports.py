"""The catalogue as a file: read in small parts, each a few statements, so that any size takes the same memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.files.storage import default_storage
from django.db import connection

from inventory.models import Location, StockLevel
from pms_integration.files.limits import EXPORT_CHUNK
from products.models import Product, ProductImage, ProductStatus, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What of it: with whose quantities (nothing: none), with cost, and the address that our files' URLs begin with."""

    location: Location | None
    with_quantity: bool
    with_cost: bool
    base_url: str


@dataclass(slots=True)
class ExportedProduct:
    """A product with all that an export says of it; `quantities` by variant."""

    product: Product
    variants: list[Variant] = field(default_factory=list)
    images: list[ProductImage] = field(default_factory=list)
    quantities: dict[int, int] = field(default_factory=dict)


def exported_products(options: ExportOptions) -> Iterator[ExportedProduct]:
    """The drafts and active products by id, each with its variants that are not archived."""
    after = 0
    while products := list(Product.objects.current().filter(pk__gt=after).order_by("pk")[:EXPORT_CHUNK]):
        found = {product.pk: ExportedProduct(product) for product in products}
        _add_variants(found, options)
        for image in _images(found):
            found[image.product_id].images.append(image)
        yield from found.values()
        after = products[-1].pk


def most_options() -> int:
    """How many options a product has, at most."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(max(jsonb_array_length(options)), 0) FROM products_product WHERE status <> %s",
            [ProductStatus.ARCHIVED],
        )
        count: int = cursor.fetchone()[0]
    return count


def url_of(image: ProductImage, base_url: str) -> str:
    """Where it came from, else where we show it."""
    if image.source_url or image.image_file is None:
        return image.source_url
    url = default_storage.url(str(image.image_file.file))
    return url if "://" in url else f"{base_url}{url}"


def _add_variants(found: dict[int, ExportedProduct], options: ExportOptions) -> None:
    variants = Variant.objects.filter(product_id__in=list(found), is_archived=False).order_by("position", "id")
    product_of: dict[int, int] = {}
    for variant in variants:
        found[variant.product_id].variants.append(variant)
        product_of[variant.pk] = variant.product_id
    if options.location is None:
        return
    levels = StockLevel.objects.filter(variant_id__in=list(product_of), location=options.location).order_by()
    for variant_id, on_hand in levels.values_list("variant_id", "on_hand"):
        found[product_of[variant_id]].quantities[variant_id] = on_hand


def _images(found: dict[int, ExportedProduct]) -> Iterator[ProductImage]:
    images = ProductImage.objects.filter(product_id__in=list(found)).select_related("image_file")
    yield from images.order_by("position", "id")
