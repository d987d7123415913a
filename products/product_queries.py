"""Products for readers: one SQL statement for a page, and dicts of plain values.

Measured: `ModelSerializer` on nested rows keeps 4 % of what the server could answer, prefetched models and hand-made
dicts 8 %, one statement about 40 % (`make bench ARGS=products`).
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
from products.queries import product_as_text, statement_of_product, variant_as_text
from products.representation import (
    IMAGE_FIELDS,
    PRODUCT_FIELDS,
    VARIANT_FIELDS,
    StockShown,
    image_as_json,
    product_as_json,
    variant_as_json,
    variant_fields,
)

_INNER: Final = {"variants": VARIANT_FIELDS, "images": IMAGE_FIELDS}


@dataclass(frozen=True, slots=True)
class Shown:
    """Which fields a reader is shown, and where the addresses of files begin."""

    product: tuple[str, ...]
    variant: tuple[str, ...]
    image: tuple[str, ...]
    stock: StockShown
    base_url: str

    def url_of(self, file: str) -> str:
        """Where a file is read."""
        return url_of(file, origin=self.base_url)


def shown_to(visibility: Visibility, *, base_url: str, fields: str = "") -> Shown:
    """What this reader sees; of that, where `fields` names some (`name,variants.sku`), those alone.

    Raises `UnknownField`. What exists and may not be seen is no error, and not shown.
    """
    stock = StockShown.ALL if visibility.ledger else StockShown.AVAILABLE
    seen = variant_fields(with_cost=visibility.cost, stock=stock)
    asked = [name.strip() for name in fields.split(",") if name.strip()]
    _refuse_unknown(asked)
    inner = {
        outer: [name.removeprefix(f"{outer}.") for name in asked if name.startswith(f"{outer}.")] for outer in _INNER
    }
    return Shown(
        product=_those(PRODUCT_FIELDS, [name.partition(".")[0] for name in asked]),
        variant=_those(seen, [] if "variants" in asked else inner["variants"]),
        image=_those(IMAGE_FIELDS, [] if "images" in asked else inner["images"]),
        stock=stock,
        base_url=base_url,
    )


def _refuse_unknown(asked: Iterable[str]) -> None:
    known = {*PRODUCT_FIELDS, *(f"{outer}.{name}" for outer, names in _INNER.items() for name in names)}
    if unknown := [name for name in asked if name not in known]:
        errors = tuple(FieldError("/fields", "unknown_field", f"There is no field {name}.") for name in unknown)
        raise UnknownField("A field is asked for that there is not; `errors` says which.", errors=errors)


def _those(names: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not asked or name in asked)


def product_rows(products: QuerySet[Product], shown: Shown) -> QuerySet[Product, tuple[Any, ...]]:
    """The rows that `read_product` reads, all of a page by one statement: id, version, and the product."""
    return products.values_list("id", "version", product_as_text(shown.product, shown.variant, shown.image))


def product_row(product_id: int, shown: Shown) -> tuple[str, int, str] | None:
    """The status, the version and the text of one product.

    By a statement that Django does not compile anew for each and PostgreSQL does not plan anew, which is five times as
    long as carrying it out (0.65 ms against 0.12).
    """
    with prepared_cursor() as cursor:
        cursor.execute(statement_of_product(shown.product, shown.variant, shown.image), {"id": product_id})
        row: tuple[str, int, str] | None = cursor.fetchone()
        return row


def read_product(row: Sequence[Any], shown: Shown) -> dict[str, Any]:
    """A product of one of `product_rows`, or of `product_row`."""
    product = product_as_json(shown.product, orjson.loads(row[2]))
    if product.get("attributes"):
        # They alone hold numbers that anybody chose; looking for long ones takes longer than reading the rest.
        product = product_as_json(shown.product, exact_json(row[2]))
    if "variants" in product:
        variants = product["variants"]
        product["variants"] = [variant_as_json(shown.variant, values, stock=shown.stock) for values in variants]
    if "images" in product:
        images = product["images"]
        product["images"] = [image_as_json(shown.image, values, shown.url_of) for values in images]
    return product


def variant_rows(variants: QuerySet[Variant], shown: Shown) -> QuerySet[Variant, tuple[Any, ...]]:
    """The rows that `read_variant` reads, all of a page by one statement."""
    return variants.values_list("id", "product_id", "is_archived", "product__version", variant_as_text(shown.variant))


def read_variant(row: Sequence[Any], shown: Shown) -> dict[str, Any]:
    """A variant by itself, of one of `variant_rows`: with its product's id and version."""
    _, product_id, is_archived, version, values = row[:5]
    variant = variant_as_json(shown.variant, orjson.loads(values), stock=shown.stock)
    return {**variant, "product": product_id, "is_archived": is_archived, "version": version}
