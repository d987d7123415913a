"""The images of a product, with their order and alt text."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db.models import Max
from django.utils.translation import gettext as _

from pms_backend.access.services import FieldChange, HistoryEntry, record_audit, record_history
from pms_backend.api.transactions import retried_atomic
from pms_backend.events.wakeups import WakeUp
from products.events import ProductUpdated
from products.exceptions import ImageNotFound, TooManyImages
from products.images.limits import MAX_IMAGES
from products.models import ImageStatus, Product, ProductImage, Variant
from products.services.changes import ProductChange, write
from products.services.image_files import StoredPicture, get_or_create_file
from products.services.products import lock_product, lock_products, lock_variants
from products.services.uploads import use_upload

fetch_wake_up = WakeUp(task="products.tasks.fetch_images")


@retried_atomic
def add_image(
    *, product_id: int, stored: StoredPicture, alt: str = "", position: int | None = None, upload: str | None = None
) -> tuple[ProductImage, bool]:
    """Adds a stored picture to the product, last without a `position`; returns the image and whether it is new.

    If the product has this picture already, that image is returned unchanged. `upload` is marked as used.
    Raises `ProductNotFound`, `TooManyImages`, `UploadUsed`.
    """
    product = lock_product(product_id)
    if upload is not None:
        use_upload(public_id=upload)
    file = get_or_create_file(stored)
    known = product.images.filter(image_file=file).order_by("position", "pk").first()
    if known is not None:
        return known, False
    image = ProductImage(image_file=file, alt=alt, status=ImageStatus.READY)
    _insert(product, image, position)
    touch_products({product.pk: [image_added(image)]})
    return image, True


@retried_atomic
def add_image_url(
    *, product_id: int, url: str, alt: str = "", position: int | None = None
) -> tuple[ProductImage, bool]:
    """Adds an image whose checked URL will be fetched soon; returns it and whether it is new.

    Once it is fetched, the product shows it and its version increases. If the product has this URL already, that image
    is returned; if its fetch failed, it is tried again.
    Raises `ProductNotFound`, `TooManyImages`.
    """
    product = lock_product(product_id)
    known = product.images.filter(source_url=url).first()
    if known is not None:
        if known.status == ImageStatus.FAILED:
            retry_fetches([known.pk])
            known.refresh_from_db()
        return known, False
    image = ProductImage(source_url=url, alt=alt, status=ImageStatus.PENDING)
    _insert(product, image, position)
    # The system adds it to what the product shows: this tells who wanted it.
    record_audit(action="product.image_requested", subject=f"product:{product.pk}", name=product.name, url=url)
    fetch_wake_up.send_after_commit()
    return image, True


@retried_atomic
def update_image(
    *, product_id: int, image_id: int, alt: str | None = None, position: int | None = None
) -> ProductImage:
    """Changes the given values. Other images keep their positions; of two at one position the older comes first.

    Raises `ProductNotFound`, `ImageNotFound`.
    """
    product = lock_product(product_id)
    image = _image(product, image_id)
    wanted = {"alt": alt, "position": position}
    changed = [name for name, value in wanted.items() if value is not None and getattr(image, name) != value]
    if changed:
        changes = [FieldChange(f"images[{image.pk}].{name}", getattr(image, name), wanted[name]) for name in changed]
        for name in changed:
            setattr(image, name, wanted[name])
        image.save(update_fields=changed)
        _record(product, changes, is_shown=image.status == ImageStatus.READY)
    return image


@retried_atomic
def order_images(*, product_id: int, image_ids: Sequence[int]) -> None:
    """Puts these images of the product first, in this order; others follow in theirs. One `product.updated` at most.

    Raises `ProductNotFound`, `ImageNotFound`.
    """
    product = lock_product(product_id)
    rest = {image.pk: image for image in product.images.order_by("position", "pk")}
    missing = next((pk for pk in image_ids if pk not in rest), None)
    if missing is not None:
        raise ImageNotFound(_("The product has no image %(id)s.") % {"id": missing})
    images = [*(rest.pop(pk) for pk in dict.fromkeys(image_ids)), *rest.values()]
    moved = [(image, position) for position, image in enumerate(images) if image.position != position]
    changes = [FieldChange(f"images[{image.pk}].position", image.position, position) for image, position in moved]
    for image, position in moved:
        image.position = position
    ProductImage.objects.bulk_update([image for image, _ in moved], ["position"])
    _record(product, changes, is_shown=any(image.status == ImageStatus.READY for image, _ in moved))


@retried_atomic
def delete_image(*, product_id: int, image_id: int) -> None:
    """Deletes an image of the product; its file is swept when no product has shown it for a while.

    Raises `ProductNotFound`, `ImageNotFound`.
    """
    product = lock_product(product_id)
    image = _image(product, image_id)
    removed = image_removed(image)
    image.delete()
    _record(product, [removed], is_shown=image.status == ImageStatus.READY)


def touch_products(changes: Mapping[int, Sequence[FieldChange]], request_ids: Mapping[int, str] | None = None) -> None:
    """Locks products, increases their versions and records `product.updated`, after their images have changed.

    `changes` are those of the images by product; `request_ids` has those of the events, where they are not the present
    request's.
    """
    product_ids = sorted(changes)
    if not product_ids:
        return
    products = lock_products(product_ids)
    variants: dict[int, list[Variant]] = defaultdict(list)
    for variant in lock_variants(product_ids):
        variants[variant.product_id].append(variant)
    write(
        [
            ProductChange(
                product,
                variants[product.pk],
                status_before=product.status,
                is_edited=True,
                request_id=(request_ids or {}).get(product.pk),
                image_changes=changes[product.pk],
            )
            for product in products.values()
        ]
    )


def record_hidden_changes(
    changes: Mapping[int, Sequence[FieldChange]], request_ids: Mapping[int, str] | None = None
) -> None:
    """As `touch_products`, of images that the products do not show yet: nothing but the history tells of them."""
    names = dict(Product.objects.filter(pk__in=changes).values_list("pk", "name")) if changes else {}
    record_history(
        [
            HistoryEntry(
                action=ProductUpdated.type,
                subject=f"product:{pk}",
                name=name,
                changes=changes[pk],
                request_id=(request_ids or {}).get(pk),
            )
            for pk, name in sorted(names.items())
        ]
    )


def retry_fetches(image_ids: Sequence[int]) -> None:
    """Fetches those of the images whose fetch has failed again, with new attempts."""
    failed = ProductImage.objects.filter(pk__in=image_ids, status=ImageStatus.FAILED)
    if failed.update(status=ImageStatus.PENDING, attempts=0, error="", next_attempt_at=None):
        fetch_wake_up.send_after_commit()


def image_added(image: ProductImage) -> FieldChange:
    """The change of a product to which an image is added."""
    return FieldChange(f"images[{image.pk}]", None, _describe(image))


def image_removed(image: ProductImage) -> FieldChange:
    """The change of a product from which an image is removed; made before it is."""
    return FieldChange(f"images[{image.pk}]", _describe(image), None)


def _describe(image: ProductImage) -> str:
    return image.alt or image.source_url or str(image.image_file.file if image.image_file else "")


def _record(product: Product, changes: Sequence[FieldChange], *, is_shown: bool) -> None:
    if is_shown:
        touch_products({product.pk: changes})
    elif changes:
        record_hidden_changes({product.pk: changes})


def _image(product: Product, image_id: int) -> ProductImage:
    image = product.images.select_related("image_file").filter(pk=image_id).first()
    if image is None:
        raise ImageNotFound(_("The product has no image %(id)s.") % {"id": image_id})
    return image


def _insert(product: Product, image: ProductImage, position: int | None) -> None:
    if product.images.count() >= MAX_IMAGES:
        raise TooManyImages(_("A product has at most %(count)s images.") % {"count": MAX_IMAGES})
    if position is None:
        last = product.images.aggregate(last=Max("position"))["last"]
        position = 0 if last is None else last + 1
    image.product = product
    image.position = position
    image.save(force_insert=True)
