"""Pictures for tests, good and bad."""

import io
import struct
import zlib
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from products import services
from products.models import Product, ProductImage


def picture(
    format: str = "JPEG", size: tuple[int, int] = (64, 48), color: Any = "red", mode: str = "RGB", **more: Any
) -> bytes:
    """An encoded picture of one colour."""
    out = io.BytesIO()
    Image.new(mode, size, color).save(out, format, **more)
    return out.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def halves(size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Red on the left, blue on the right: which way is up can be seen."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    return image


def png_bomb(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels, in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    )


def file_of(content: bytes, name: str = "a.jpg", content_type: str = "image/jpeg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type)


def images_url(product: Product, image: int | None = None) -> str:
    url = f"/api/v1/products/{product.pk}/images/"
    return url if image is None else f"{url}{image}/"


def post_file(client: Any, product: Product, content: bytes, **fields: Any) -> Any:
    """Uploads a picture as a form does."""
    headers = fields.pop("headers", {})
    name, kind = fields.pop("name", "a.jpg"), fields.pop("content_type", "image/jpeg")
    data = {"file": file_of(content, name, kind), **fields}
    return client.post(images_url(product), data, format="multipart", headers=headers)


def make_image(product: Product, color: Any = "red", **more: Any) -> ProductImage:
    """A picture that the product shows."""
    stored = services.store_picture(data=picture(color=color))
    return services.add_image(product_id=product.pk, stored=stored, **more)[0]
