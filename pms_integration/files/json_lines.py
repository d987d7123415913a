"""JSON Lines: a product in each line, in the shape that `POST /products/` takes, with `variants[].quantity` and
`images[].url`."""

from collections.abc import Iterator
from typing import IO, Any, Final

from inventory.models import MAX_QUANTITY
from pms_backend.api import serializers
from pms_backend.api.exceptions import field_errors
from pms_backend.api.parsers import InvalidJSON, load_json
from pms_backend.api.storable_text import is_storable
from pms_integration.files.code_warnings import changed_handle, warnings_of_codes
from pms_integration.files.image_urls import problem_of_url
from pms_integration.files.limits import MAX_IMAGES, MAX_RECORD_BYTES
from pms_integration.files.parsed_products import Draft, ImageDraft, VariantDraft
from pms_integration.files.records import BOM, Place
from products.fields import ClearableCharField
from products.models import MAX_ALT_LENGTH, MAX_BARCODE_LENGTH
from products.serializers import MAX_POSITION, ProductInputSerializer, VariantInputSerializer

START: Final = Place(0, 1)


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


def lines_of(file: IO[bytes], place: Place) -> Iterator[tuple[Place, Place, bytes]]:
    """The lines from a place on with where they begin and end; empty ones are passed over. Of one that is too long
    there is only the beginning."""
    file.seek(place.offset)
    offset, line = place.offset, place.line
    while raw := file.readline(MAX_RECORD_BYTES + 1):
        start, offset = Place(offset, line), offset + len(raw)
        while not raw.endswith(b"\n") and (more := file.readline(MAX_RECORD_BYTES)):
            offset += len(more)
            if more.endswith(b"\n"):
                break
        line += 1
        content = raw.removeprefix(BOM) if start.offset == 0 else raw
        if content.strip():
            yield start, Place(offset, line), content


def drafts_of(file: IO[bytes], place: Place) -> Iterator[Draft]:
    """What each line says of its product, from a place on."""
    for start, end, raw in lines_of(file, place):
        draft = Draft(start, end, 1, is_whole=True)
        _read(draft, raw)
        yield draft


def _read(draft: Draft, raw: bytes) -> None:
    if len(raw) > MAX_RECORD_BYTES:
        draft.refuse(draft.line, "", "line_too_long", f"The line is longer than {MAX_RECORD_BYTES} bytes.")
        return
    try:
        value = load_json(raw)
    except InvalidJSON as error:
        draft.refuse(draft.line, "", "malformed_line", f"The line {error}.")
        return
    if not is_storable(value):
        draft.refuse(draft.line, "", "malformed_line", "The line holds a NUL (\\u0000), which cannot be stored.")
        return
    try:
        data: dict[str, Any] = _LINE.run_validation(_without_ids(value))
    except serializers.ValidationError as error:
        for one in field_errors(error.get_full_details()):
            draft.refuse(draft.line, one.pointer.removeprefix("/"), one.code, one.detail)
        return
    if data.get("handle", "") != value.get("handle", ""):
        draft.warn(draft.line, "handle", *changed_handle(data["handle"]))
    _take_over(draft, data)


def _without_ids(value: Any) -> Any:
    """Ids of variants are those of the database that the file came from."""
    if not isinstance(value, dict) or not isinstance(value.get("variants"), list):
        return value
    variants = [
        {name: inner for name, inner in variant.items() if name != "id"} if isinstance(variant, dict) else variant
        for variant in value["variants"]
    ]
    return {**value, "variants": variants}


def _take_over(draft: Draft, data: dict[str, Any]) -> None:
    for number, image in enumerate(data.pop("images", ())):
        if problem := problem_of_url(image["url"]):
            draft.warn(draft.line, f"images/{number}/url", "invalid_image_url", problem)
        else:
            draft.images.append(ImageDraft(draft.line, image["url"], image.get("alt"), image.get("position")))
    for number, variant in enumerate(data.pop("variants")):
        for code, detail in warnings_of_codes(variant["sku"], variant.get("barcode", "")):
            draft.warn(draft.line, f"variants/{number}", code, detail)
        quantity = variant.pop("quantity", None)
        if quantity is not None and quantity < 0:
            detail = f"{quantity} is no figure that anybody can count; the stock stays as it is."
            draft.warn(draft.line, f"variants/{number}/quantity", "negative_quantity", detail)
            quantity = None
        draft.variants.append(VariantDraft(draft.line, variant["sku"], values=variant, quantity=quantity))
    draft.handle = data.get("handle", "")
    draft.category = data.get("category")
    draft.values = data
