"""The errors by which a picture is refused, in the request or by the decoder's process, with their texts."""

from typing import Final

from pms_backend.api.exceptions import Invalid
from products.exceptions import (
    ImagePolyglot,
    ImageTooCostly,
    ImageTooLarge,
    ImageTooManyPixels,
    ImageTypeUnsupported,
    ImageUnreadable,
)
from products.images.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE

_DETAILS: Final[dict[type[Invalid], str]] = {
    ImagePolyglot: "This is a picture and something else as well: a page, a program or an archive.",
    ImageTooCostly: "Decoding this picture needs more memory or time than it may; send a smaller or a simpler one.",
    ImageTooLarge: f"A picture has at most {MAX_IMAGE_BYTES // 1024**2} MiB, and twice that when it is written anew.",
    ImageTooManyPixels: (
        f"A picture has at most {MAX_IMAGE_PIXELS // 10**6} megapixels and {MAX_IMAGE_SIDE} pixels a side."
    ),
    ImageTypeUnsupported: "A picture is a JPEG, PNG, WebP, GIF or AVIF; this is none of them.",
    ImageUnreadable: "The picture is damaged or incomplete.",
}
_KINDS: Final = {kind.code: kind for kind in _DETAILS}


def refusal(code: str) -> Invalid:
    """The error with this code, to be raised."""
    kind = _KINDS[code]
    return kind(_DETAILS[kind])
