"""Products and variants for responses: one SQL statement for a page, and dicts of plain values.

Measured: `ModelSerializer` on nested rows reaches 4 % of the server's maximal throughput, prefetched models and
hand-made dicts 8 %, one statement about 40 % (`make bench ARGS=products`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.db.models import QuerySet

from pms_backend.access.visibility import Visibility
from pms_backend.api.exact_json import exact_json
from pms_backend.api.prepared_statements import prepared_cursor
from pms_backend.api.problems import FieldError
from products.exceptions import UnknownField
from products.images.names import url_of
from products.models import Product, Variant
from products.queries import product_as_text, product_statement, variant_as_text
from products.representation import (
    IMAGE_FIELDS,
    PRODUCT_FIELDS,
    VARIANT_FIELDS,
    image_as_json,
)

_NESTED_FIELDS: Final = {"variants": VARIANT_FIELDS, "images": IMAGE_FIELDS}


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """The fields of a response, and the origin of its URLs of files."""

    product: tuple[str, ...]
    variant: tuple[str, ...]
    image: tuple[str, ...]
    with_ledger: bool
    base_url: str

    def url_of(self, file: str) -> str:
        """The URL of a file."""
        return url_of(file, origin=self.base_url)


def select_fields(visibility: Visibility, *, base_url: str, fields: str = "") -> FieldSelection:
    """The fields that the caller may see; only those of `fields` (`name,variants.sku`) if it is not empty.

    Raises `UnknownField`. A field that the caller may not see is left out without an error.
    """
    visible = [name for name in VARIANT_FIELDS if name != "cost" or visibility.cost]
    asked = [name.strip() for name in fields.split(",") if name.strip()]
    _check_known(asked)
    nested = {
        outer: [name.removeprefix(f"{outer}.") for name in asked if name.startswith(f"{outer}.")]
        for outer in _NESTED_FIELDS
    }
    return FieldSelection(
        product=_subset(PRODUCT_FIELDS, [name.partition(".")[0] for name in asked]),
        variant=_subset(visible, [] if "variants" in asked else nested["variants"]),
        image=_subset(IMAGE_FIELDS, [] if "images" in asked else nested["images"]),
        with_ledger=visibility.ledger,
        base_url=base_url,
    )


def _check_known(asked: Iterable[str]) -> None:
    known = {*PRODUCT_FIELDS, *(f"{outer}.{name}" for outer, names in _NESTED_FIELDS.items() for name in names)}
    if unknown := [name for name in asked if name not in known]:
        errors = tuple(FieldError("/fields", "unknown_field", f"There is no field {name}.") for name in unknown)
        raise UnknownField("`fields` names fields that do not exist; `errors` says which.", errors=errors)


def _subset(names: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not asked or name in asked)


def product_rows(products: QuerySet[Product], selection: FieldSelection) -> QuerySet[Product, tuple[Any, ...]]:
    """Rows for `product_of_row`, by one statement: id, version, and the text of the product."""
    return products.values_list("id", "version", product_as_text(selection.product, selection.variant, selection.image))


def product_row(product_id: int, selection: FieldSelection) -> tuple[str, int, str] | None:
    """The status, the version and the text of one product.

    The statement is prepared: to compile it in Django and plan it in PostgreSQL takes five times as long as to execute
    it (0.65 ms against 0.12).
    """
    with prepared_cursor() as cursor:
        cursor.execute(product_statement(selection.product, selection.variant, selection.image), {"id": product_id})
        row: tuple[str, int, str] | None = cursor.fetchone()
        return row


def product_of_row(row: Sequence[Any], selection: FieldSelection) -> dict[str, Any]:
    """The JSON of a row of `product_rows` or `product_row`."""
    product = dict(zip(selection.product, orjson.loads(row[2]), strict=True))
    if product.get("attributes"):
        # Only attributes hold numbers with any count of digits; to read these exactly takes longer than all the rest.
        product = dict(zip(selection.product, exact_json(row[2]), strict=True))
    if "variants" in product:
        variants = product["variants"]
        product["variants"] = [_variant(values, selection) for values in variants]
    if "images" in product:
        images = product["images"]
        product["images"] = [image_as_json(selection.image, values, selection.url_of) for values in images]
    return product


def variant_rows(variants: QuerySet[Variant], selection: FieldSelection) -> QuerySet[Variant, tuple[Any, ...]]:
    """Rows for `variant_of_row`, by one statement."""
    return variants.values_list(
        "id", "product_id", "is_archived", "product__version", variant_as_text(selection.variant)
    )


def variant_of_row(row: Sequence[Any], selection: FieldSelection) -> dict[str, Any]:
    """The JSON of a row of `variant_rows`, with the id and version of its product."""
    _, product_id, is_archived, version, values = row[:5]
    variant = _variant(orjson.loads(values), selection)
    return {**variant, "product": product_id, "is_archived": is_archived, "version": version}


def _variant(values: Iterable[Any], selection: FieldSelection) -> dict[str, Any]:
    variant = dict(zip(selection.variant, values, strict=True))
    if "stock" in variant:
        on_hand, reserved = variant["stock"]
        variant["stock"] = {"available": on_hand - reserved}
        if selection.with_ledger:
            variant["stock"] |= {"on_hand": on_hand, "reserved": reserved}
    return variant
