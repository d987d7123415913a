"""Whether bytes are a picture that we take, and the picture as it is kept.

Names and types that a client sends say nothing: the content is decoded, whole, and written anew. So what is kept
holds pixels and nothing else: no EXIF, no comment, no second file behind the first.
"""

import hashlib
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image, ImageCms, ImageOps

from products.exceptions import (
    ImagePolyglot,
    ImageTooLarge,
    ImageTooManyPixels,
    ImageTypeUnsupported,
    ImageUnreadable,
)
from products.images.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE, THUMBNAIL_SIDE

FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
CONTENT_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
# What a client may say that it sends.
SENT_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif")
# The format that comes → the one that is kept. Of a GIF the first picture is; AVIF takes minutes to write.
_KEPT_AS: Final = {"JPEG": "jpg", "PNG": "png", "GIF": "png", "WEBP": "webp", "AVIF": "webp"}
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "jpg": {"format": "JPEG", "quality": 90, "progressive": True},
    "png": {"format": "PNG", "compress_level": 6},
    "webp": {"format": "WEBP", "quality": 90, "method": 4},
}
_THUMBNAIL: Final[dict[str, Any]] = {"format": "WEBP", "quality": 80, "method": 4}
# Interlaced, they would be other programs' files as well.
_FOREIGN: Final = (b"<script", b"<?php", b"<!doctype html")
_PDF: Final = b"%PDF-"
_PDF_WITHIN: Final = 1_024
_FRAGMENT: Final = 1024 * 1024

# A decoded picture is hundreds of megabytes: one at a time in a process.
_decoding: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is kept; `extension` is one of `CONTENT_TYPES`."""

    content: bytes
    extension: str
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """The digest of its bytes, by which it is kept once."""
        return hashlib.sha256(self.content).hexdigest()


def read_picture(data: bytes) -> Picture:
    """The picture that the bytes hold: upright, in sRGB, without anything else that came with it.

    Slow, and not to be called in a transaction.
    Raises `ImageTooLarge`, `ImageTypeUnsupported`, `ImagePolyglot`, `ImageTooManyPixels`, `ImageUnreadable`.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageTooLarge(f"A picture has at most {MAX_IMAGE_BYTES // 1024**2} MiB.")
    if not _is_known(data):
        raise ImageTypeUnsupported("A picture is a JPEG, PNG, WebP, GIF or AVIF; this is none of them.")
    if _is_foreign(data):
        raise ImagePolyglot("This is a picture and something else as well: a page, a program or an archive.")
    with _decoding, _opened(data) as image:
        extension = _KEPT_AS[image.format or ""]
        clean = _plain(image)
        content = io.BytesIO()
        clean.save(content, **_OPTIONS[extension])
    return Picture(content.getvalue(), extension, clean.width, clean.height)


def make_thumbnail(data: bytes) -> bytes:
    """A small WebP of a kept picture. Raises `ImageUnreadable`, `ImageTooManyPixels`."""
    with _decoding, _opened(data) as image:
        image.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        small = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA" if _is_transparent(image) else "RGB")
        small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        small.info.clear()
        content = io.BytesIO()
        small.save(content, **_THUMBNAIL)
    return content.getvalue()


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """The picture, its size checked before anything is decoded; what a decoder stumbles over is `ImageUnreadable`."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(image)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except ImageTooManyPixels:
        raise
    # What its decoders raise for broken input is nowhere said: SyntaxError and struct.error are among it.
    except Exception as error:
        raise ImageUnreadable("The picture is damaged or incomplete.") from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_IMAGE_PIXELS or max(image.size) > MAX_IMAGE_SIDE:
        raise _too_many_pixels()


def _too_many_pixels() -> ImageTooManyPixels:
    limit = f"{MAX_IMAGE_PIXELS // 10**6} megapixels and {MAX_IMAGE_SIDE} pixels a side"
    return ImageTooManyPixels(f"A picture has at most {limit}.")


def _is_known(data: bytes) -> bool:
    """By their first bytes, so that nothing else ever meets a decoder."""
    return (
        data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a"))
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        or (data[4:8] == b"ftyp" and (b"avif" in data[8:64] or b"avis" in data[8:64]))
    )


def _is_foreign(data: bytes) -> bool:
    longest = max(len(mark) for mark in _FOREIGN)
    for start in range(0, len(data), _FRAGMENT):
        fragment = data[start : start + _FRAGMENT + longest].lower()
        if any(mark in fragment for mark in _FOREIGN):
            return True
    return _PDF in data[:_PDF_WITHIN] or zipfile.is_zipfile(io.BytesIO(data))


def _plain(image: Image.Image) -> Image.Image:
    """Pixels alone: upright, 8 bits a channel, sRGB."""
    image.load()
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
