"""Checks the images of reported products. What cannot be used is left out and noted, and the product is applied."""

from typing import Any, Final

from pms_backend import outbound
from pms_backend.api import serializers
from pms_backend.api.exceptions import field_errors
from pms_backend.api.fast_validation import FastValidator
from products.images.limits import MAX_IMAGES
from products.models import MAX_ALT_LENGTH, MAX_URL_LENGTH

# Of a URL in a note.
MAX_EXCERPT_LENGTH: Final = 200


class _URLSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=MAX_URL_LENGTH)


class _AltSerializer(serializers.Serializer[Any]):
    alt = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=MAX_ALT_LENGTH, trim_whitespace=False
    )


_URL: Final = FastValidator(_URLSerializer())
_ALT: Final = FastValidator(_AltSerializer())


def checked_images(listed: Any) -> tuple[dict[str, str | None] | None, tuple[str, ...]]:
    """The usable images in their order, each URL with its text or None; None without a list. And what is left out.

    Of a URL that is there twice the first counts. Whether a URL leads to an address that may be called is not known
    before it is fetched, since a name has to be looked up for it.
    """
    if listed is None:
        return None, ()
    if not isinstance(listed, list):
        return None, ("images is no list and is left out.",)
    images: dict[str, str | None] = {}
    notes: list[str] = []
    for number, image in enumerate(listed[:MAX_IMAGES], 1):
        try:
            url = _url(image)
        except (serializers.ValidationError, outbound.Forbidden) as error:
            notes.append(f"The image {_name(image, number)} is left out: {_detail(error)}")
            continue
        try:
            alt = _ALT.run_validation(image).get("alt")
        except serializers.ValidationError as error:
            notes.append(f"The text of the image {_name(image, number)} is left out: {_detail(error)}")
            alt = None
        images.setdefault(url, alt)
    if len(listed) > MAX_IMAGES:
        notes.append(f"A product has at most {MAX_IMAGES} images; the other {len(listed) - MAX_IMAGES} are left out.")
    return images, tuple(notes)


def _url(image: Any) -> str:
    url: str = _URL.run_validation(image)["url"]
    outbound.parse_target(url)
    return url


def _name(image: Any, number: int) -> str:
    """The URL, or the number in the list of an image that has none."""
    url = image.get("url") if isinstance(image, dict) else None
    return url[:MAX_EXCERPT_LENGTH] if isinstance(url, str) and url.strip() else str(number)


def _detail(error: Exception) -> str:
    if isinstance(error, serializers.ValidationError):
        return " ".join(one.detail for one in field_errors(error.get_full_details()))
    return str(error)
