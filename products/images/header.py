"""What the first bytes of a picture say, judged in the request: nothing is decoded here.

So what is plainly no acceptable picture is refused at once, even while another one is being decoded. No codec is
involved: the decoder's process checks the same again with Pillow.
"""

import io
import re
import struct
import zipfile
from collections.abc import Callable
from typing import Final

from products.exceptions import ImagePolyglot, ImageTooLarge, ImageTooManyPixels, ImageTypeUnsupported
from products.images.limits import MAX_IMAGE_BYTES, fits
from products.images.refusals import refusal

Sides = tuple[int, int]

# Interlaced, they would be other programs' files as well.
_FOREIGN: Final = (b"<script", b"<?php", b"<!doctype html")
_PDF: Final = b"%PDF-"
_PDF_WITHIN: Final = 1_024
_FRAGMENT: Final = 1024 * 1024

# All kinds of "start of frame", which hold the sides; DHT, JPG and DAC lie between them.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# A colour profile and a preview are some hundreds of segments at most.
_MAX_JPEG_SEGMENTS: Final = 1_000
# AVIF's properties come before its pixels.
_AVIF_HEAD: Final = 64 * 1024


def check_header(data: bytes) -> None:
    """Raises `ImageTooLarge`, `ImageTypeUnsupported`, `ImagePolyglot`, `ImageTooManyPixels`."""
    if len(data) > MAX_IMAGE_BYTES:
        raise refusal(ImageTooLarge.code)
    sides_of = next((read for is_kind, read in _KINDS if is_kind(data)), None)
    if sides_of is None:
        raise refusal(ImageTypeUnsupported.code)
    if _is_foreign(data):
        raise refusal(ImagePolyglot.code)
    sides = sides_of(data)
    if sides is not None and not fits(*sides):
        raise refusal(ImageTooManyPixels.code)


def _is_foreign(data: bytes) -> bool:
    longest = max(len(mark) for mark in _FOREIGN)
    for start in range(0, len(data), _FRAGMENT):
        fragment = data[start : start + _FRAGMENT + longest].lower()
        if any(mark in fragment for mark in _FOREIGN):
            return True
    return _PDF in data[:_PDF_WITHIN] or zipfile.is_zipfile(io.BytesIO(data))


# Each returns None where the bytes do not say it: the decoder will find the picture damaged.


def _sides_of_png(data: bytes) -> Sides | None:
    return struct.unpack_from(">II", data, 16) if len(data) >= 24 and data[12:16] == b"IHDR" else None


def _sides_of_gif(data: bytes) -> Sides | None:
    return struct.unpack_from("<HH", data, 6) if len(data) >= 10 else None


def _sides_of_jpeg(data: bytes) -> Sides | None:
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


def _sides_of_webp(data: bytes) -> Sides | None:
    kind = data[12:16] if len(data) >= 30 else b""
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    # Lossy and lossless pixels begin with a sign of their own; their sides have 14 bits.
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _sides_of_avif(data: bytes) -> Sides | None:
    """The largest of all items: a preview has sides too."""
    head = data[:_AVIF_HEAD]
    places = (found.end() + 4 for found in re.finditer(b"ispe", head))
    named: list[Sides] = [struct.unpack_from(">II", head, at) for at in places if at + 8 <= len(head)]
    return max(named, key=lambda sides: sides[0] * sides[1], default=None)


def _is_avif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and (b"avif" in data[8:64] or b"avis" in data[8:64])


# By the first bytes, so that nothing else reaches a decoder.
_KINDS: Final[tuple[tuple[Callable[[bytes], bool], Callable[[bytes], Sides | None]], ...]] = (
    (lambda data: data.startswith(b"\xff\xd8\xff"), _sides_of_jpeg),
    (lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), _sides_of_png),
    (lambda data: data.startswith((b"GIF87a", b"GIF89a")), _sides_of_gif),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _sides_of_webp),
    (_is_avif, _sides_of_avif),
)
