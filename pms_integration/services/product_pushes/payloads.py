"""The product that a PMS is sent: as it has told it, with the values that are ours to change."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from pms_integration.services.product_fields import VARIANT_FIELDS, Values, split, variants_of
from pms_integration.services.product_values import images_of
from pms_integration.services.report_validation import variant_sku_key

# What the PMS says of the product itself.
_OF_THE_PMS: Final = ("id", "version", "updated_at", "deleted")


def new_payload(ours: Values, categories: Mapping[str, str]) -> dict[str, Any]:
    """Our product as a whole, for a PMS that does not have it; `categories` has the PMS's names of our slugs."""
    return changed_payload({}, ours, (), categories, slug="")


def changed_payload(
    payload: Mapping[str, Any],
    changes: Values,
    removed: Collection[str],
    categories: Mapping[str, str],
    *,
    slug: str,
) -> dict[str, Any]:
    """The product as the PMS of this slug has told it, with our values.

    Variants that we do not have any more are left out.
    """
    found = {name: value for name, value in payload.items() if name not in _OF_THE_PMS}
    found |= {name: _outward(name, changes, categories) for name in changes if split(name) is None}
    of_variants = variants_of(changes)
    if of_variants or removed:
        told = found.get("variants")
        listed = [dict(one) for one in told if isinstance(one, dict)] if isinstance(told, list) else []
        keys = [variant_sku_key(one, slug) for one in listed]
        kept = {key: one for key, one in zip(keys, listed, strict=True) if key not in removed}
        for key, values in of_variants.items():
            kept.setdefault(key, {}).update({name: values[name] for name in VARIANT_FIELDS if name in values})
        found["variants"] = list(kept.values())
    return found


def _outward(name: str, values: Values, categories: Mapping[str, str]) -> Any:
    if name == "images":
        # A file that is only served under the address of a request has no URL that the PMS could fetch.
        return [{"url": url, "alt": alt or ""} for url, alt in images_of(values).items() if "://" in url]
    if name == "category" and values[name] is not None:
        return categories.get(values[name], values[name])
    return values[name]
