"""JSON Lines: one product per line, in the shape of `POST /products/` with `variants[].quantity` and `images[].url`."""

from collections.abc import Iterator
from typing import IO, Any, Final

from inventory.models import MAX_QUANTITY
from pms_backend.api import serializers
from pms_backend.api.exceptions import field_errors
from pms_backend.api.parsers import InvalidJSON, load_json
from pms_backend.api.storable_text import is_storable
from pms_integration.files.limits import MAX_RECORD_BYTES
from pms_integration.files.parsed_products import ParsedImage, ParsedProduct, ParsedVariant
from pms_integration.files.records import BOM, FilePosition
from products.fields import ClearableCharField
from products.images.limits import MAX_IMAGES
from products.models import MAX_ALT_LENGTH, MAX_BARCODE_LENGTH
from products.serializers import MAX_POSITION, ProductInputSerializer, VariantInputSerializer

START: Final = FilePosition(0, 1)


class _VariantSerializer(VariantInputSerializer):
    # A wrong check digit is a warning in a file.
    barcode = ClearableCharField(max_length=MAX_BARCODE_LENGTH)  # type: ignore[assignment]
    quantity = serializers.IntegerField(
        required=False, allow_null=True, min_value=-MAX_QUANTITY, max_value=MAX_QUANTITY
    )


class _ImageSerializer(serializers.Serializer[Any]):
    url = serializers.CharField()
    alt = serializers.CharField(required=False, allow_blank=True, max_length=MAX_ALT_LENGTH, trim_whitespace=False)
    position = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=MAX_POSITION)


class _LineSerializer(ProductInputSerializer):
    variants = _VariantSerializer(many=True, allow_empty=False)
    images = _ImageSerializer(many=True, required=False, max_length=MAX_IMAGES)  # type: ignore[call-arg]


_LINE: Final = _LineSerializer()


def read_lines(file: IO[bytes], position: FilePosition) -> Iterator[tuple[FilePosition, FilePosition, bytes]]:
    """The start, the end and the content of each line from a position on, without empty lines.

    Of a line longer than `MAX_RECORD_BYTES` only the beginning is returned.
    """
    file.seek(position.offset)
    offset, line = position.offset, position.line
    while raw := file.readline(MAX_RECORD_BYTES + 1):
        start, offset = FilePosition(offset, line), offset + len(raw)
        while not raw.endswith(b"\n") and (more := file.readline(MAX_RECORD_BYTES)):
            offset += len(more)
            if more.endswith(b"\n"):
                break
        line += 1
        content = raw.removeprefix(BOM) if start.offset == 0 else raw
        if content.strip():
            yield start, FilePosition(offset, line), content


def parse_lines(file: IO[bytes], position: FilePosition) -> Iterator[ParsedProduct]:
    """Parses the product of each line from a position on."""
    for start, end, raw in read_lines(file, position):
        parsed = ParsedProduct(start, end, 1, end.offset - start.offset, is_whole=True)
        _parse(parsed, raw)
        yield parsed


def _parse(parsed: ParsedProduct, raw: bytes) -> None:
    if len(raw) > MAX_RECORD_BYTES:
        parsed.refuse(parsed.line, "", "line_too_long", f"The line is longer than {MAX_RECORD_BYTES} bytes.")
        return
    try:
        value = load_json(raw)
    except InvalidJSON as error:
        parsed.refuse(parsed.line, "", "malformed_line", f"The line {error}.")
        return
    if not is_storable(value):
        parsed.refuse(parsed.line, "", "malformed_line", "The line holds a NUL (\\u0000), which cannot be stored.")
        return
    try:
        data: dict[str, Any] = _LINE.run_validation(_without_ids(value))
    except serializers.ValidationError as error:
        for one in field_errors(error.get_full_details()):
            parsed.refuse(parsed.line, one.pointer.removeprefix("/"), one.code, one.detail)
        return
    if data.get("handle", "") != value.get("handle", ""):
        parsed.warn_of_changed_handle("handle", data["handle"])
    _fill(parsed, data)


def _without_ids(value: Any) -> Any:
    """The line without the ids of variants, which are those of the database that exported it."""
    if not isinstance(value, dict) or not isinstance(value.get("variants"), list):
        return value
    variants = [
        {name: inner for name, inner in variant.items() if name != "id"} if isinstance(variant, dict) else variant
        for variant in value["variants"]
    ]
    return {**value, "variants": variants}


def _fill(parsed: ParsedProduct, data: dict[str, Any]) -> None:
    for number, image in enumerate(data.pop("images", ())):
        found = ParsedImage(parsed.line, image["url"], image.get("alt"), image.get("position"))
        parsed.add_image(found, f"images/{number}/url")
    for number, values in enumerate(data.pop("variants")):
        path = f"variants/{number}"
        parsed.warn_of_codes(parsed.line, path, values["sku"], path, values.get("barcode", ""))
        variant = ParsedVariant(parsed.line, values["sku"], values=values)
        parsed.set_quantity(variant, f"{path}/quantity", values.pop("quantity", None))
        parsed.variants.append(variant)
    parsed.handle = data.get("handle", "")
    parsed.category = data.get("category")
    parsed.values = data
