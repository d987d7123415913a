"""Decodes pictures and encodes them again, in the decoder's process: this module must not import Django.

Names and types that a client sends are not trusted: the whole content is decoded and encoded again, so that a stored
file holds only pixels: no EXIF, no comment, no second file appended to the first.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from PIL import AvifImagePlugin, Image, ImageCms, ImageOps, WebPImagePlugin

from products.images.limits import MAX_STORED_BYTES, THUMBNAIL_SIDE, fits

# WebP and AVIF are imported, since Pillow would load all of its plugins to find them.
FORMATS: Final = ("JPEG", "PNG", "GIF", WebPImagePlugin.WebPImageFile.format, AvifImagePlugin.AvifImageFile.format)
# Each thread of libavif's decoder needs additional memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

UNREADABLE: Final = "image_unreadable"
TOO_LARGE: Final = "image_too_large"
TOO_MANY_PIXELS: Final = "image_too_many_pixels"
TOO_COSTLY: Final = "image_too_costly"

# The received format → the stored one. Only the first frame of a GIF is stored; AVIF takes minutes to encode.
_STORED_AS: Final = {"JPEG": "jpg", "PNG": "png", "GIF": "png", "WEBP": "webp", "AVIF": "webp"}
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "jpg": {"format": "JPEG", "quality": 90, "progressive": True},
    "png": {"format": "PNG", "compress_level": 6},
    "webp": {"format": "WEBP", "quality": 90, "method": 4},
}
_THUMBNAIL: Final[dict[str, Any]] = {"format": "WEBP", "quality": 80, "method": 4}


class Refused(Exception):
    """The picture is refused; `code` is that of the error in the API."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Written(NamedTuple):
    """An encoded picture."""

    content: bytes
    extension: str
    width: int
    height: int


def rewrite(data: bytes) -> Written:
    """Decodes a picture and encodes it again: upright, in sRGB, without metadata. Raises `Refused`."""
    with _refusing():
        extension, image = _loaded(data)
        image = _plain(image)
    return _written(image, extension, _OPTIONS[extension])


def make_thumbnail(data: bytes) -> Written:
    """A small WebP of a stored picture. Raises `Refused`."""
    with _refusing(), _opened(data) as image:
        image.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        small = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA" if _is_transparent(image) else "RGB")
        small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        small.load()
        small.info.clear()
    return _written(small, "webp", _THUMBNAIL)


def _written(image: Image.Image, extension: str, options: dict[str, Any]) -> Written:
    content = io.BytesIO()
    try:
        image.save(content, **options)
    # The pixels have been decoded, so memory is missing; WebP's encoder reports just a number.
    except Exception as error:
        raise Refused(TOO_COSTLY) from error
    if content.tell() > MAX_STORED_BYTES:
        raise Refused(TOO_LARGE)
    return Written(content.getvalue(), extension, image.width, image.height)


@contextmanager
def _refusing() -> Iterator[None]:
    """Converts exceptions of a codec to `Refused`."""
    try:
        yield
    except Refused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(TOO_MANY_PIXELS) from None
    # The exceptions for broken input are not documented: SyntaxError and struct.error are among them. Missing memory
    # shows in the message alone.
    except Exception as error:
        lacks_memory = isinstance(error, MemoryError) or "memory" in str(error).lower()
        raise Refused(TOO_COSTLY if lacks_memory else UNREADABLE) from error


def _opened(data: bytes) -> Image.Image:
    """The picture, with its size checked before pixels are decoded."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if not fits(*image.size):
        raise Refused(TOO_MANY_PIXELS)
    return image


def _loaded(data: bytes) -> tuple[str, Image.Image]:
    """The extension under which it is stored, and its pixels."""
    with _opened(data) as image:
        extension = _STORED_AS[image.format or ""]
        image.load()
        # A copy releases the decoder of WebP or AVIF, which holds three times the memory of the pixels.
        return extension, image.copy() if extension == "webp" else image


def _plain(image: Image.Image) -> Image.Image:
    """Only the pixels: upright, 8 bits a channel, sRGB."""
    profile = image.info.get("icc_profile")
    orientation = image.getexif().get(0x0112, 1) if _has_exif(image) else 1
    plain = _in_srgb(_eight_bits(image), profile)
    plain = _UPRIGHT[orientation](plain) if orientation in _UPRIGHT else plain
    plain.info.clear()
    return plain


def _has_exif(image: Image.Image) -> bool:
    try:
        image.getexif()
    # A picture with broken EXIF is accepted.
    except Exception:
        return False
    return True


# The transformation that reverts each orientation of EXIF.
_UPRIGHT: Final[dict[int, Callable[[Image.Image], Image.Image]]] = {
    2: ImageOps.mirror,
    3: lambda image: image.transpose(Image.Transpose.ROTATE_180),
    4: ImageOps.flip,
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.transpose(Image.Transpose.ROTATE_270),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.transpose(Image.Transpose.ROTATE_90),
}


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16-bit grey, which Pillow would clip at 255.
        return image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in ("RGB", "RGBA", "L", "CMYK"):
        return image.convert("RGBA") if _is_transparent(image) else image
    return image.convert("RGBA" if _is_transparent(image) else "RGB")


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
        # A profile that cannot be read, or belongs to another colour space, is ignored.
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGB")
