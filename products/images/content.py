"""A picture decoded and written anew, in the decoder's process: this module must not import Django.

Names and types that a client sends say nothing: the content is decoded, whole, and written anew. So what is stored
holds pixels and nothing else: no EXIF, no comment, no second file behind the first.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from PIL import AvifImagePlugin, Image, ImageCms, ImageOps, WebPImagePlugin

from products.images.limits import MAX_KEPT_BYTES, THUMBNAIL_SIDE, fits

# The two that are no defaults are imported: Pillow would load all of its plugins to find them.
FORMATS: Final = ("JPEG", "PNG", "GIF", WebPImagePlugin.WebPImageFile.format, AvifImagePlugin.AvifImageFile.format)
# Each thread of libavif's decoder needs memory of its own.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

UNREADABLE: Final = "image_unreadable"
TOO_LARGE: Final = "image_too_large"
TOO_MANY_PIXELS: Final = "image_too_many_pixels"
TOO_COSTLY: Final = "image_too_costly"

# The format that comes → the one that is kept. Of a GIF the first picture is; AVIF takes minutes to write.
_KEPT_AS: Final = {"JPEG": "jpg", "PNG": "png", "GIF": "png", "WEBP": "webp", "AVIF": "webp"}
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "jpg": {"format": "JPEG", "quality": 90, "progressive": True},
    "png": {"format": "PNG", "compress_level": 6},
    "webp": {"format": "WEBP", "quality": 90, "method": 4},
}
_THUMBNAIL: Final[dict[str, Any]] = {"format": "WEBP", "quality": 80, "method": 4}


class Refused(Exception):
    """The picture is refused; `code` is that of the API's error."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Written(NamedTuple):
    """A picture written anew."""

    content: bytes
    extension: str
    width: int
    height: int


def rewrite(data: bytes) -> Written:
    """The picture that the bytes hold: upright, in sRGB, without anything else that came with it. Raises `Refused`."""
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
    # The pixels have been decoded, so that it is a lack of memory; WebP's encoder only gives a number.
    except Exception as error:
        raise Refused(TOO_COSTLY) from error
    if content.tell() > MAX_KEPT_BYTES:
        raise Refused(TOO_LARGE)
    return Written(content.getvalue(), extension, image.width, image.height)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns a decoder's exceptions into `Refused`."""
    try:
        yield
    except Refused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused(TOO_MANY_PIXELS) from None
    # Which exceptions broken input raises is not documented: SyntaxError and struct.error are among them. A lack of
    # memory is recognised by the message alone.
    except Exception as error:
        lacks_memory = isinstance(error, MemoryError) or "memory" in str(error).lower()
        raise Refused(TOO_COSTLY if lacks_memory else UNREADABLE) from error


def _opened(data: bytes) -> Image.Image:
    """The picture, its size checked before anything is decoded."""
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if not fits(*image.size):
        raise Refused(TOO_MANY_PIXELS)
    return image


def _loaded(data: bytes) -> tuple[str, Image.Image]:
    """The extension that it is stored with, and its pixels."""
    with _opened(data) as image:
        extension = _KEPT_AS[image.format or ""]
        image.load()
        # The copy releases the decoder, which of WebP and AVIF holds three times as much, before more is done.
        return extension, image.copy() if extension == "webp" else image


def _plain(image: Image.Image) -> Image.Image:
    """Pixels alone: upright, 8 bits a channel, sRGB."""
    profile = image.info.get("icc_profile")
    orientation = image.getexif().get(0x0112, 1) if _has_exif(image) else 1
    plain = _in_srgb(_eight_bits(image), profile)
    plain = _UPRIGHT[orientation](plain) if orientation in _UPRIGHT else plain
    plain.info.clear()
    return plain


def _has_exif(image: Image.Image) -> bool:
    try:
        image.getexif()
    # Broken EXIF does not make a broken picture.
    except Exception:
        return False
    return True


# EXIF's orientations, each undone.
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
        # 16 bits of grey: Pillow would cut them off at 255.
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
        # A profile that cannot be read, or is of another kind of picture, is as good as none.
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGB")
