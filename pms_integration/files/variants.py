"""Which variants of a product the lines of a CSV file mean."""

from collections import defaultdict
from collections.abc import Sequence

from pms_integration.files.catalogue_lookup import KnownProduct, KnownVariant
from pms_integration.files.parsed_products import VariantDraft
from products.skus import sku_key

_Values = frozenset[tuple[str, str]]


def match_variants(
    drafts: Sequence[VariantDraft], options: Sequence[dict[str, str] | None], product: KnownProduct | None
) -> list[KnownVariant | None]:
    """For each draft the variant that has its SKU, else one with its option values that no other line has named.

    Where a line does not speak of options, a variant without SKU is the product's only one, or unknown.
    """
    variants = product.variants if product else []
    by_key = {variant.sku_key: variant for variant in variants}
    found = [by_key.get(sku_key(draft.sku)) if draft.sku else None for draft in drafts]
    named = {variant.id for variant in found if variant is not None}
    rest: dict[_Values, list[KnownVariant]] = defaultdict(list)
    for variant in variants:
        if variant.id not in named:
            rest[frozenset(variant.options.items())].append(variant)
    is_only_one = len(variants) == len(drafts) == 1
    for index, draft in enumerate(drafts):
        values = options[index]
        if found[index] is not None or (values is None and not is_only_one):
            continue
        alike = rest[frozenset(variants[0].options.items() if values is None else values.items())]
        # Without options there is nothing to know one by but that it is the only one.
        if alike and (values or not draft.sku or is_only_one):
            found[index] = alike.pop(0)
    return found
