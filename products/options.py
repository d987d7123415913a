"""The options of a product, such as size and colour, and whether the values of its variants fit them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

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
            names = ", ".join(values_of) or "none"
            yield variant, "options_do_not_fit", f"{variant.sku} has to name just the product's options ({names})."
        elif unknown := [name for name, value in key if value not in values_of[name]]:
            yield (
                variant,
                "options_do_not_fit",
                f"The value of {unknown[0]} of {variant.sku} is not a value of that option.",
            )
        elif key and key in seen:
            yield variant, "duplicate_options", f"{variant.sku} has the same option values as {seen[key].sku}."
        seen.setdefault(key, variant)
