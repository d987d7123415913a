"""What the variants of a product differ in: its options, and the value of each that a variant has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from products.models import Variant


def derived_options(
    values: Iterable[Mapping[str, str]], known: Sequence[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """The options that variants with these values have: names and values in the order in which they appear.

    Those of `known` stand first.
    """
    found: dict[str, dict[str, None]] = {option["name"]: dict.fromkeys(option["values"]) for option in known}
    for of_variant in values:
        for name, value in of_variant.items():
            found.setdefault(name, {})[value] = None
    return [{"name": name, "values": list(of_option)} for name, of_option in found.items()]


def repeated(texts: Sequence[str]) -> int | None:
    """Where a text stands that was there before in this or another case."""
    seen: set[str] = set()
    for index, text in enumerate(texts):
        if text.casefold() in seen:
            return index
        seen.add(text.casefold())
    return None


def misfits(options: Sequence[Mapping[str, Any]], variants: Sequence[Variant]) -> Iterator[tuple[Variant, str, str]]:
    """(variant, code, what is wrong) of each variant that has not one value of each option, or the same as another."""
    values_of = {option["name"]: frozenset(option["values"]) for option in options}
    seen: dict[tuple[tuple[str, str], ...], Variant] = {}
    for variant in variants:
        key = tuple(sorted(variant.options.items()))
        if variant.options.keys() != values_of.keys():
            names = ", ".join(values_of) or "none"
            yield variant, "options_do_not_fit", f"{variant.sku} has to name just the product's options ({names})."
        elif unknown := [name for name, value in key if value not in values_of[name]]:
            yield variant, "options_do_not_fit", f"The value of {unknown[0]} of {variant.sku} is none of the option's."
        elif key and key in seen:
            yield variant, "duplicate_options", f"{variant.sku} has the same option values as {seen[key].sku}."
        seen.setdefault(key, variant)
