"""Pictures as pages of the admin show them: as cards on a product's page, and small ones in lists."""

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from products.images.names import url_of
from products.models import ImageStatus, ProductImage

_WITHOUT_FILE: Final = {
    ImageStatus.PENDING: gettext_lazy("It is being fetched."),
    ImageStatus.FAILED: gettext_lazy("It could not be fetched."),
}


@dataclass(frozen=True, slots=True)
class PictureCard:
    """A picture of a product; without addresses where there is no file yet."""

    pk: int
    alt: str
    url: str
    small_url: str
    state: Any
    source_url: str
    error: str
    is_main: bool


def cards_of(product_id: int) -> list[PictureCard]:
    """The pictures of a product in their order, by one statement; the first that can be shown is the main one."""
    images = ProductImage.objects.filter(product=product_id).select_related("image_file").order_by("position", "pk")
    main = next((image.pk for image in images if image.image_file), None)
    return [_card_of(image, is_main=image.pk == main) for image in images]


def with_picture(rows: QuerySet[Any], *, product: str = "pk") -> QuerySet[Any]:
    """Rows with `picture`, the name of the file that a list shows of their `product`; None without a picture."""
    ready = ProductImage.objects.filter(product=OuterRef(product), status=ImageStatus.READY).order_by("position", "pk")
    small = NullIf("image_file__thumbnail", Value(""), output_field=CharField())
    name = Coalesce(small, "image_file__file", output_field=CharField())
    found: QuerySet[Any] = rows.annotate(picture=Subquery(ready.values_list(name)[:1]))
    return found


def thumbnail(name: str | None) -> SafeString:
    """A small picture, or a sign that there is none; the name beside it says what it shows."""
    if name is None:
        return format_html('<span class="thumbnail material-symbols-outlined" aria-hidden="true">{}</span>', "image")
    return format_html('<img class="thumbnail" src="{}" alt="" loading="lazy" width="40" height="40">', url_of(name))


def _card_of(image: ProductImage, *, is_main: bool) -> PictureCard:
    file = image.image_file
    url = url_of(str(file.file)) if file else ""
    return PictureCard(
        pk=image.pk,
        alt=image.alt,
        url=url,
        small_url=url_of(str(file.thumbnail)) if file and file.thumbnail else url,
        state=f"{file.width} × {file.height}" if file else _WITHOUT_FILE.get(ImageStatus(image.status), ""),  # noqa: RUF001 - the sign of sizes
        source_url=image.source_url,
        error=image.error,
        is_main=is_main,
    )
