"""SKUs that a shop's file has more than once: the first line keeps it, the others get one made for them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from pms_integration.files import columns
from pms_integration.files.catalogue_lookup import Known, KnownProduct
from pms_integration.files.parsed_products import Draft, VariantDraft
from products.skus import sku_key


class Named(Protocol):
    """A draft of which more can be said."""

    draft: Draft

    def warn(self, line: int, column: str, code: str, detail: str) -> None:
        """Notes what is written otherwise than the file says."""


def free_repeated_skus(
    match: Named, product: KnownProduct | None, known: Known, repeated: Callable[[], frozenset[str]]
) -> None:
    """Leaves out of the draft, with a warning, the SKUs that an earlier line of the file has given to another variant.

    What another product has without the file's saying so stays, and is refused.
    """
    seen: set[str] = set()
    values_of: set[tuple[str, ...]] = set()
    variants: list[VariantDraft] = []
    for variant in match.draft.variants:
        values, key = tuple(variant.option_values), sku_key(variant.sku) if variant.sku else ""
        owner = known.owners.get(key)
        is_others = owner is not None and owner[0] != (product.id if product else None) and key in repeated()
        if key and (is_others or (key in seen and values and values not in values_of)):
            holder = f"{owner[1]} has it" if is_others and owner else "another line of the product has it"
            detail = f"The SKU {variant.sku} is there more than once, and {holder}; one is made for this line."
            match.warn(variant.line, columns.SKU, "sku_repeated", detail)
            variant = replace(variant, sku="")
        seen.add(key)
        values_of.add(values)
        variants.append(variant)
    match.draft = replace(match.draft, variants=variants)
