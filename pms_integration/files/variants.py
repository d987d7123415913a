"""Which variants of a product the lines of a CSV file mean."""

from collections.abc import Sequence

from pms_integration.files.drafts import VariantDraft
from pms_integration.files.known import KnownProduct, KnownVariant
from products.skus import sku_key


def match_variants(
    drafts: Sequence[VariantDraft], options: Sequence[dict[str, str]], product: KnownProduct | None
) -> list[KnownVariant | None]:
    """For each draft the variant that has its SKU, else one with its option values that no other line has named."""
    variants = product.variants if product else []
    by_key = {variant.sku_key: variant for variant in variants}
    found = [by_key.get(sku_key(draft.sku)) if draft.sku else None for draft in drafts]
    named = {variant.id for variant in found if variant is not None}
    for index, draft in enumerate(drafts):
        if found[index] is None:
            rest = [one for one in variants if one.id not in named and one.options == options[index]]
            # Without options there is nothing to know one by but that it is the only one.
            if rest and (options[index] or not draft.sku or len(variants) == len(drafts) == 1):
                found[index] = rest[0]
                named.add(rest[0].id)
    return found
