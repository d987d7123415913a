"""What has changed of a product, field by field, for its history."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pms_backend.access.services import FieldChange, changes_between
from products.editable_fields import editable_fields
from products.models import Product, Variant
from products.representation import AMOUNTS, amount_as_text

# What cannot be edited is derived from the rest, as `published_at` is.
_PRODUCT: Final = editable_fields(Product, apart_from={"category", "attributes", "published_at"})
_VARIANT: Final = editable_fields(Variant, apart_from={"product"})


class StoredProduct:
    """The values of a product and its variants that the database has, while others are set to the same objects.

    Values are replaced, never changed in place, so that a shallow copy keeps them.
    """

    __slots__ = ("_category", "_product", "_variants")

    def __init__(self, product: Product, variants: Sequence[Variant]) -> None:
        self._product = dict(vars(product))
        self._category = product.category
        self._variants = {variant.pk: dict(vars(variant)) for variant in variants}

    def changes_to(self, product: Product, variants: Sequence[Variant]) -> list[FieldChange]:
        """What is different now, named as in the API: `name`, `attributes.material`, `variants[SKU].price`."""
        now = vars(product)
        changes = changes_between(self._product, {name: now[name] for name in _PRODUCT})
        before, after = (category.slug if category else None for category in (self._category, product.category))
        if before != after:
            changes.append(FieldChange("category", before, after))
        changes += _changes_of_attributes(self._product["attributes"], product.attributes)
        return changes + [change for variant in variants for change in self._changes_of_variant(variant)]

    def _changes_of_variant(self, variant: Variant) -> Iterator[FieldChange]:
        now, before = vars(variant), self._variants.get(variant.pk)
        if before is None:
            yield FieldChange(f"variants[{variant.sku}]", None, _describe(now))
            return
        name = f"variants[{before['sku']}]"
        if before["is_archived"] != now["is_archived"]:
            yield FieldChange(name, *((_describe(before), None) if now["is_archived"] else (None, _describe(now))))
        for change in changes_between(before, {field: now[field] for field in _VARIANT}):
            values = (change.before, change.after)
            if change.field in AMOUNTS:
                values = (amount_as_text(change.before), amount_as_text(change.after))
            yield FieldChange(f"{name}.{change.field}", *values)


def _changes_of_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield FieldChange(f"attributes.{name}", before.get(name), after.get(name))


def _describe(variant: Mapping[str, Any]) -> str:
    """A variant in a few words, without its cost."""
    price = amount_as_text(variant["price"])
    return ", ".join(filter(None, [variant["name"], price and f"{price} {variant['currency']}"])) or variant["sku"]
