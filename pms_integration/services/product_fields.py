"""The names of the fields of products that are compared with a PMS's, and the groups that they belong to (API.md).

A field of a variant is `variants[SKU].price`. Values are kept by names with the SKU's key in place of the SKU, since
both sides may spell it differently; `shown_name` makes the name that people see.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from products.skus import sku_key

PRODUCT_FIELDS: Final = ("name", "handle", "description", "brand", "tags", "attributes", "options", "status")
MONEY_FIELDS: Final = ("price", "compare_at_price", "cost")
VARIANT_FIELDS: Final = (
    *("sku", "barcode", "name", "options", "weight_grams", "position"),
    *("price", "currency", "compare_at_price", "cost"),
)
CONTENT, PRICE, PUBLICATION = "content", "price", "publication"

# Values of fields by their names: `name`, `category`, `images`, `variants[a-1].price`.
Values = dict[str, Any]

_BEGIN: Final = "variants["
_MIDDLE: Final = "]."


def group_of(field: str) -> str:
    """The group of a field."""
    of_variant = split(field)
    if of_variant is not None:
        return PRICE if of_variant[1] in (*MONEY_FIELDS, "currency") else CONTENT
    return PUBLICATION if field == "status" else CONTENT


def variant_field(key: str, name: str) -> str:
    """The name of a variant's field."""
    return f"{_BEGIN}{key}{_MIDDLE}{name}"


def split(field: str) -> tuple[str, str] | None:
    """The variant of a field, and the field's name there; None for a field of the product."""
    if not field.startswith(_BEGIN):
        return None
    key, _, name = field.removeprefix(_BEGIN).rpartition(_MIDDLE)
    return key, name


def variants_of(values: Mapping[str, Any]) -> dict[str, Values]:
    """The values of each variant, by the names that they have there, in the order of the variants."""
    found: dict[str, Values] = {}
    for field, value in values.items():
        of_variant = split(field)
        if of_variant is not None:
            found.setdefault(of_variant[0], {})[of_variant[1]] = value
    return found


def removal_pairs(theirs: Mapping[str, Any], removed: Collection[str]) -> dict[str, list[Any]]:
    """The pairs (theirs, ours) of variants that the PMS is told to remove, should it keep them."""
    of_variants = variants_of(theirs)
    return {
        variant_field(key, name): [value, None] for key in removed for name, value in of_variants.get(key, {}).items()
    }


def skus_of(*values: Mapping[str, Any]) -> dict[str, str]:
    """The SKUs of the variants by their keys; those of the first values count."""
    found = ((key, each.get("sku")) for one in reversed(values) for key, each in variants_of(one).items())
    return {key: sku for key, sku in found if sku}


def shown_name(field: str, skus: Mapping[str, str]) -> str:
    """The name with the SKU; `skus` has those of the keys."""
    of_variant = split(field)
    return field if of_variant is None else variant_field(skus.get(of_variant[0], of_variant[0]), of_variant[1])


def stored_name(shown: str) -> str:
    """The name of a field that is shown."""
    of_variant = split(shown)
    return shown if of_variant is None else variant_field(sku_key(of_variant[0]), of_variant[1])
