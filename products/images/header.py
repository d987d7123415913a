"""Checks of a picture by its bytes, without decoding it.

A request refuses most bad files at once by these checks, even while another picture is being decoded. No codec is
involved; the decoder's process repeats them with Pillow.
"""

import io
import math
import re
import struct
import zipfile
from collections.abc import Callable
from typing import Final

from products.exceptions import ImagePolyglot, ImageTooLarge, ImageTooManyPixels, ImageTypeUnsupported
from products.images.limits import MAX_IMAGE_BYTES, fits

Size = tuple[int, int]

# A file with one of these is a page or a program as well.
_FOREIGN: Final = (b"<script", b"<?php", b"<!doctype html")
_PDF: Final = b"%PDF-"
_PDF_WITHIN: Final = 1_024
_FRAGMENT: Final = 1024 * 1024

# The "start of frame" segments, which hold the size; the codes between them are DHT, JPG and DAC.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Colour profiles and previews need some hundreds of segments at most.
_MAX_JPEG_SEGMENTS: Final = 1_000
# AVIF's properties come before its pixels.
_AVIF_HEAD: Final = 64 * 1024


def check_header(data: bytes) -> None:
    """Checks size, format and pixels.

    Raises `ImageTooLarge`, `ImageTypeUnsupported`, `ImagePolyglot`, `ImageTooManyPixels`.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageTooLarge
    size_of = next((read for is_format, read in _FORMATS if is_format(data)), None)
    if size_of is None:
        raise ImageTypeUnsupported
    if _is_foreign(data):
        raise ImagePolyglot
    size = size_of(data)
    if size is not None and not fits(*size):
        raise ImageTooManyPixels


def _is_foreign(data: bytes) -> bool:
    longest = max(len(mark) for mark in _FOREIGN)
    for start in range(0, len(data), _FRAGMENT):
        fragment = data[start : start + _FRAGMENT + longest].lower()
        if any(mark in fragment for mark in _FOREIGN):
            return True
    return _PDF in data[:_PDF_WITHIN] or zipfile.is_zipfile(io.BytesIO(data))


# Each returns (width, height), or None if the bytes do not hold them: then the decoder finds the picture damaged.


def _size_of_png(data: bytes) -> Size | None:
    return struct.unpack_from(">II", data, 16) if len(data) >= 24 and data[12:16] == b"IHDR" else None


def _size_of_gif(data: bytes) -> Size | None:
    return struct.unpack_from("<HH", data, 6) if len(data) >= 10 else None


def _size_of_jpeg(data: bytes) -> Size | None:
    at = 2
    for _ in range(_MAX_JPEG_SEGMENTS):
        if at + 9 > len(data) or data[at] != 0xFF:
            return None
        kind, length = struct.unpack_from(">BH", data, at + 1)
        if kind in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        # Any number of 0xFF may stand before a segment.
        at += 1 if kind == 0xFF else 2 + length
    return None


def _size_of_webp(data: bytes) -> Size | None:
    kind = data[12:16] if len(data) >= 30 else b""
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    # Lossy and lossless pixels begin with different signatures; width and height have 14 bits.
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _size_of_avif(data: bytes) -> Size | None:
    """The size of the largest item, since a preview has a size too."""
    head = data[:_AVIF_HEAD]
    offsets = (found.end() + 4 for found in re.finditer(b"ispe", head))
    sizes: list[Size] = [struct.unpack_from(">II", head, at) for at in offsets if at + 8 <= len(head)]
    return max(sizes, key=math.prod, default=None)


def _is_avif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and (b"avif" in data[8:64] or b"avis" in data[8:64])


# Formats by their first bytes, so that no other reaches a decoder.
_FORMATS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Size | None]], ...]] = (
    (lambda data: data.startswith(b"\xff\xd8\xff"), _size_of_jpeg),
    (lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), _size_of_png),
    (lambda data: data.startswith((b"GIF87a", b"GIF89a")), _size_of_gif),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _size_of_webp),
    (_is_avif, _size_of_avif),
)
