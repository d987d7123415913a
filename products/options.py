"""The options of a product, such as size and colour, and whether the values of its variants fit them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from products.models import Variant


def derived_options(
    values: Iterable[Mapping[str, str]], known: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The options of variants with these values, in the order of their first use, after those of `known`."""
    found: dict[str, dict[str, None]] = {option["name"]: dict.fromkeys(option["values"]) for option in known}
    for variant_values in values:
        for name, value in variant_values.items():
            found.setdefault(name, {})[value] = None
    return [{"name": name, "values": list(option_values)} for name, option_values in found.items()]


def repeated(texts: Sequence[str]) -> int | None:
    """The index of the first text that repeats an earlier one, regardless of case; None if there is none."""
    seen: set[str] = set()
    for index, text in enumerate(texts):
        if text.casefold() in seen:
            return index
        seen.add(text.casefold())
    return None


def misfits(options: Sequence[Mapping[str, Any]], variants: Sequence[Variant]) -> Iterator[tuple[Variant, str, str]]:
    """(variant, code, detail) of each variant without one value of each option, or with the same values as another."""
    values_of = {option["name"]: frozenset(option["values"]) for option in options}
    seen: dict[tuple[tuple[str, str], ...], Variant] = {}
    for variant in variants:
        key = tuple(sorted(variant.options.items()))
        if variant.options.keys() != values_of.keys():
            detail = _("%(sku)s has to name just the product's options (%(names)s).")
            names = ", ".join(values_of) or _("none")
            yield variant, "options_do_not_fit", detail % {"sku": variant.sku, "names": names}
        elif unknown := [name for name, value in key if value not in values_of[name]]:
            detail = _("The value of %(option)s of %(sku)s is not a value of that option.")
            yield variant, "options_do_not_fit", detail % {"option": unknown[0], "sku": variant.sku}
        elif key and key in seen:
            detail = _("%(sku)s has the same option values as %(other)s.")
            yield variant, "duplicate_options", detail % {"sku": variant.sku, "other": seen[key].sku}
        seen.setdefault(key, variant)
