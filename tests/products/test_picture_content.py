"""Which content is accepted as a picture, and what is stored of it; names and types are ignored."""

import io
import struct
import subprocess
import zipfile

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from products.exceptions import (
    ImagePolyglot,
    ImageTooLarge,
    ImageTooManyPixels,
    ImageTypeUnsupported,
    ImageUnreadable,
)
from products.images import header
from products.images.decoding import Picture, make_thumbnail, rewrite
from products.images.header import check_header
from products.images.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE
from tests.products.pictures import halves, opened, picture, png_bomb


def read_picture(data: bytes) -> Picture:
    """The picture as it would be stored."""
    check_header(data)
    return rewrite(data)


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("format", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("GIF", "png"), ("WEBP", "webp"), ("AVIF", "webp")]
)
def test_each_format_is_stored_as_one_that_every_browser_shows(format: str, extension: str):
    stored = read_picture(picture(format))

    image = opened(stored.content)
    assert (stored.extension, stored.width, stored.height, image.size) == (extension, 64, 48, (64, 48))
    red, green, blue = image.convert("RGB").getpixel((5, 5))
    assert (red > 240, green < 15, blue < 15) == (True, True, True)


def test_the_same_picture_is_the_same_bytes():
    assert read_picture(picture()).sha256 == read_picture(picture()).sha256
    assert read_picture(picture()).sha256 != read_picture(picture(color="blue")).sha256


@pytest.mark.parametrize(
    "data",
    [b"", b"x", SVG, b"<svg/>", b"<html><body>", b"%PDF-1.7", b"PK\x03\x04", b"MZ\x90", b"II*\x00", b"8BPS",
     b"\x00\x00\x01\x00", b"BM" + bytes(100), b"%!PS-Adobe",
     b"RIFF\x00\x00\x00\x00WAVE", b"\x00\x00\x00\x20ftypheic" + bytes(90)],
)  # fmt: skip
def test_an_unsupported_file_never_reaches_the_decoder(data: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subprocess, "run", None)

    with pytest.raises(ImageTypeUnsupported):
        read_picture(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_truncated_picture_is_refused(format: str, share: float):
    out = io.BytesIO()
    Image.effect_noise((200, 150), 80).convert("RGB").save(out, format)
    data = out.getvalue()

    with pytest.raises(ImageUnreadable):
        read_picture(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    "head", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a\1\0\1\0", b"RIFF\x00\x00\x00\x00WEBP"]
)
def test_a_header_alone_is_not_a_picture(head: bytes):
    with pytest.raises(ImageUnreadable):
        read_picture(head + b"<?xml version='1.0'?>" * 50)


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.class", b"x" * 100)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        picture() + b"<script>alert(1)</script>",
        picture("PNG") + b"<SCRIPT src=//evil.example></SCRIPT>",
        picture("GIF") + b"<?php system($_GET['c']); ?>",
        picture("WEBP") + zipped(),
        picture(comment=b"<!DOCTYPE html><body onload=alert(1)>"),
        picture("GIF", comment=b"%PDF-1.4"),
    ],
    ids=["html", "case", "php", "zip", "comment", "pdf"],
)
def test_a_polyglot_is_refused(data: bytes):
    opened(data)

    with pytest.raises(ImagePolyglot):
        read_picture(data)


def test_a_script_across_the_border_of_two_fragments_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(header, "_FRAGMENT", 100)
    data = picture()

    for shift in range(120):
        with pytest.raises(ImagePolyglot):
            check_header(data + bytes(shift) + b"<script")


def test_only_pixels_are_stored():
    exif = Image.Exif()
    exif[0x010E] = "SECRET description"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "SECRET text")
    sent = [
        picture(exif=exif, comment=b"SECRET comment") + b"SECRET trailer",
        picture("PNG", exif=exif, pnginfo=text) + b"SECRET trailer",
        picture("WEBP", exif=exif, xmp=b"<x>SECRET xmp</x>"),
        picture("GIF", comment=b"SECRET comment"),
    ]

    for data in sent:
        assert b"SECRET" in data
        stored = read_picture(data)
        assert b"SECRET" not in stored.content
        assert dict(opened(stored.content).getexif()) == {}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(orientation: int):
    turned = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    stored = halves() if turned is None else halves().transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    stored.save(out, "JPEG", quality=95, exif=exif)

    upright = opened(read_picture(out.getvalue()).content)

    assert upright.size == (40, 20)
    assert upright.getpixel((5, 10))[0] > 200
    assert upright.getpixel((35, 10))[2] > 200


@pytest.mark.parametrize(("format", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA"), ("AVIF", "RGBA")])
def test_transparency_is_kept(format: str, mode: str):
    color = (255, 0, 0, 0) if mode == "RGBA" else (255, 0)

    stored = opened(read_picture(picture(format, color=color, mode=mode)).content)

    assert stored.mode == "RGBA"
    assert stored.getpixel((5, 5))[3] == 0


def test_the_transparent_colour_of_a_palette_is_kept():
    palette = Image.new("P", (10, 10), 3)
    palette.putpalette([0, 0, 0, 255, 255, 255, 9, 9, 9, 200, 0, 0])
    out = io.BytesIO()
    palette.save(out, "GIF", transparency=3)

    stored = opened(read_picture(out.getvalue()).content)

    assert (stored.mode, stored.getpixel((5, 5))[3]) == ("RGBA", 0)


def test_of_an_animation_the_first_frame_is_stored():
    out = io.BytesIO()
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])

    stored = opened(read_picture(out.getvalue()).content)

    assert getattr(stored, "n_frames", 1) == 1
    assert stored.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


def test_sixteen_bits_of_grey_are_scaled_not_cut_off():
    out = io.BytesIO()
    Image.new("I;16", (10, 10), 0x8000).save(out, "PNG")

    stored = opened(read_picture(out.getvalue()).content)

    assert stored.convert("L").getpixel((5, 5)) in (127, 128)


def test_cmyk_becomes_rgb():
    stored = opened(read_picture(picture(mode="CMYK", color=(0, 255, 255, 0))).content)

    red, green, blue = stored.getpixel((5, 5))
    assert (stored.mode, red > 200, green < 80, blue < 80) == ("RGB", True, True, True)


def test_another_colour_space_becomes_srgb():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    stored = opened(read_picture(picture("PNG", color=(200, 100, 50), icc_profile=lab)).content)

    assert "icc_profile" not in stored.info
    assert all(abs(a - b) <= 2 for a, b in zip(stored.getpixel((5, 5)), (200, 100, 50), strict=True))


@pytest.mark.parametrize("profile", [b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_a_profile_that_does_not_fit_is_ignored(profile: bytes):
    stored = opened(read_picture(picture("PNG", color=(200, 100, 50), icc_profile=profile)).content)

    assert stored.getpixel((5, 5)) == (200, 100, 50)


@pytest.mark.parametrize(
    "size",
    [(MAX_IMAGE_SIDE + 1, 10), (10, MAX_IMAGE_SIDE + 1), (10_000, 5_001), (16_000, 6_000), (60_000, 60_000),
     (2**31 - 1, 2**31 - 1)],
)  # fmt: skip
def test_a_bomb_is_refused_by_its_header_and_by_the_decoder(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    for decode in (rewrite, make_thumbnail):
        with pytest.raises(ImageTooManyPixels):
            decode(png_bomb(*size))

    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(ImageTooManyPixels):
        check_header(png_bomb(*size))


def test_a_picture_without_width_or_height_is_refused():
    with pytest.raises(ImageUnreadable):
        read_picture(png_bomb(0, 10))


def enlarged(format: str) -> bytes:
    """A picture whose header says that it is larger than any may be."""
    data = bytearray(picture(format, (640, 480)))
    sides, at = {
        "PNG": (struct.pack(">II", 60_000, 60_000), 16),
        "GIF": (struct.pack("<HH", 60_000, 60_000), 6),
        "JPEG": (struct.pack(">HH", 60_000, 60_000), data.find(struct.pack(">HH", 480, 640))),
        "WEBP": (struct.pack("<HH", 16_383, 16_383), data.find(struct.pack("<HH", 640, 480))),
        "AVIF": (struct.pack(">II", 60_000, 60_000), data.find(b"ispe") + 8),
    }[format]
    data[at : at + len(sides)] = sides
    return bytes(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_the_header_of_each_format_is_checked(format: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(subprocess, "run", None)

    check_header(picture(format, (640, 480)))
    with pytest.raises(ImageTooManyPixels):
        check_header(enlarged(format))


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_size_of_each_kind_of_webp_is_read(lossless: bool, mode: str):
    for more in ({}, {"xmp": b"<x/>"}):
        data = picture("WEBP", (1_234, 567), "red", mode, lossless=lossless, **more)

        assert header._size_of_webp(data) == (1_234, 567)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_a_truncated_header_is_left_to_the_decoder(format: str):
    data = picture(format)

    for length in range(14, 200):
        check_header(data[:length].ljust(14, b"\0"))


def test_a_jpeg_with_too_many_segments_is_refused():
    check_header(b"\xff\xd8\xff" + b"\xff" * (MAX_IMAGE_BYTES - 3))
    check_header(b"\xff\xd8" + b"\xff\xe0\x00\x02" * (MAX_IMAGE_BYTES // 4 - 1))


def test_the_limits_are_those_of_the_guide():
    assert (MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, MAX_IMAGE_SIDE) == (20_971_520, 50_000_000, 16_383)


def test_a_file_of_too_many_bytes_is_refused():
    read_picture(picture().ljust(MAX_IMAGE_BYTES, b"\0"))
    with pytest.raises(ImageTooLarge):
        read_picture(picture().ljust(MAX_IMAGE_BYTES + 1, b"\0"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_thumbnail_keeps_the_proportions(format: str):
    small = opened(make_thumbnail(picture(format, (2000, 1000))))

    assert (small.format, small.size) == ("WEBP", (480, 240))


def test_a_thumbnail_keeps_transparency_and_enlarges_nothing():
    small = opened(make_thumbnail(picture("PNG", (30, 20), (0, 0, 0, 0), "RGBA")))

    assert (small.size, small.mode, small.getpixel((5, 5))[3]) == ((30, 20), "RGBA", 0)
