"""Products and variants for responses: one SQL statement for a page, and dicts of plain values.

Measured: `ModelSerializer` on nested rows reaches 4 % of the server's maximal throughput, prefetched models and
hand-made dicts 8 %, one statement about 40 % (`make bench ARGS=list`).
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from django.db.models import QuerySet

from pms_backend.access.visibility import Visibility
from pms_backend.api.exact_json import exact_json
from pms_backend.api.keyset import MAX_ID, PageCursor
from pms_backend.api.prepared_statements import prepared_cursor
from pms_backend.api.problems import FieldError
from products.exceptions import UnknownField
from products.images.names import url_of
from products.models import Product, Variant
from products.queries import (
    MAX_STATEMENTS,
    attributes_as_text,
    newest_products_statement,
    product_as_text,
    product_statement,
    variant_as_text,
    variant_statement,
)
from products.representation import (
    IMAGE_FIELDS,
    PRODUCT_FIELDS,
    VARIANT_FIELDS,
    image_as_json,
)

# Id or status, version, and the texts of two JSON values: an array of the selected fields, and the attributes if they
# are selected.
ProductRow = tuple[Any, int, str, Any]

_NESTED_FIELDS: Final = {"variants": VARIANT_FIELDS, "images": IMAGE_FIELDS}


@dataclass(frozen=True, slots=True)
class FieldSelection:
    """The fields of a response."""

    product: tuple[str, ...]
    variant: tuple[str, ...]
    image: tuple[str, ...]
    with_ledger: bool


@functools.lru_cache(maxsize=MAX_STATEMENTS)
def select_fields(visibility: Visibility, fields: str = "") -> FieldSelection:
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
    )


def _check_known(asked: Iterable[str]) -> None:
    known = {*PRODUCT_FIELDS, *(f"{outer}.{name}" for outer, names in _NESTED_FIELDS.items() for name in names)}
    if unknown := [name for name in asked if name not in known]:
        errors = tuple(FieldError("/fields", "unknown_field", f"There is no field {name}.") for name in unknown)
        raise UnknownField("`fields` names fields that do not exist; `errors` says which.", errors=errors)


def _subset(names: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not asked or name in asked)


def product_rows(products: QuerySet[Product], selection: FieldSelection) -> QuerySet[Product, ProductRow]:
    """Rows for `products_of_rows` by one statement, each with the product's id first."""
    return products.values_list(
        "id",
        "version",
        product_as_text(selection.product, selection.variant, selection.image),
        attributes_as_text(selection.product),
    )


def newest_product_rows(
    selection: FieldSelection, *, only_published: bool, cursor: PageCursor | None, limit: int
) -> list[ProductRow]:
    """As `product_rows`: current products after the cursor, newest first, or before it, oldest first.

    The statement is prepared: to compile it in Django takes as long as everything else, and PostgreSQL plans it for as
    long as it executes it (0.3 ms of 0.8).
    """
    is_before, last_id = (False, MAX_ID) if cursor is None else (cursor.is_before, cursor.values[-1])
    statement = newest_products_statement(
        selection.product,
        selection.variant,
        selection.image,
        only_published=only_published,
        is_before=is_before,
        limit=limit,
    )
    with prepared_cursor() as database_cursor:
        database_cursor.execute(statement, {"id": last_id})
        rows: list[ProductRow] = database_cursor.fetchall()
        return rows


def product_row(product_id: int, selection: FieldSelection) -> ProductRow | None:
    """The row of one product for `products_of_rows`, with its status first.

    The statement is prepared: to compile it in Django and plan it in PostgreSQL takes five times as long as to execute
    it (0.65 ms against 0.12).
    """
    with prepared_cursor() as cursor:
        cursor.execute(product_statement(selection.product, selection.variant, selection.image), {"id": product_id})
        row: ProductRow | None = cursor.fetchone()
        return row


def products_of_rows(rows: Sequence[ProductRow], selection: FieldSelection, *, origin: str) -> list[dict[str, Any]]:
    """The JSON of products; `origin` (`https://host`) begins the URLs of their files."""
    names = selection.product
    products = [dict(zip(names, orjson.loads(row[2]), strict=True)) for row in rows]
    if "attributes" in names:
        # Only attributes hold numbers with any count of digits, which take longer to read exactly.
        all_attributes = exact_json(f"[{','.join([row[3] for row in rows])}]")
        for product, attributes in zip(products, all_attributes, strict=True):
            product["attributes"] = attributes
    if "variants" in names:
        for product in products:
            product["variants"] = [_variant(values, selection) for values in product["variants"]]
    if "images" in names:
        for product in products:
            product["images"] = [
                image_as_json(selection.image, values, lambda name: url_of(name, origin=origin))
                for values in product["images"]
            ]
    return products


def variant_rows(variants: QuerySet[Variant], selection: FieldSelection) -> QuerySet[Variant, tuple[Any, ...]]:
    """Rows for `variant_of_row`, by one statement."""
    return variants.values_list(
        "id", "product_id", "is_archived", "product__version", variant_as_text(selection.variant)
    )


def variant_row(variant_id: int, selection: FieldSelection, *, only_published: bool) -> Sequence[Any] | None:
    """The row of one variant for `variant_of_row`, by a prepared statement."""
    with prepared_cursor() as cursor:
        cursor.execute(variant_statement(selection.variant, only_published=only_published), {"id": variant_id})
        row: Sequence[Any] | None = cursor.fetchone()
        return row


def variant_of_row(row: Sequence[Any], selection: FieldSelection) -> dict[str, Any]:
    """The JSON of such a row, with the id and version of its product."""
    _, product_id, is_archived, version, values = row[:5]
    variant = _variant(orjson.loads(values), selection)
    return {**variant, "product": product_id, "is_archived": is_archived, "version": version}


def _variant(values: Iterable[Any], selection: FieldSelection) -> dict[str, Any]:
    variant = dict(zip(selection.variant, values, strict=True))
    if "stock" in variant:
        on_hand, reserved = variant["stock"]
        available = on_hand - reserved
        variant["stock"] = (
            {"available": available, "on_hand": on_hand, "reserved": reserved}
            if selection.with_ledger
            else {"available": available}
        )
    return variant
