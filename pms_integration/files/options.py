"""The options that a product of a CSV file has, beside those that it has here."""

from dataclasses import dataclass
from typing import Any, Final

from pms_integration.files.catalogue_lookup import KnownProduct
from pms_integration.files.cells import BadCell
from pms_integration.files.parsed_products import Draft

# What Shopify writes for a product that has no options.
NO_OPTIONS: Final = ("Title", "Default Title")


@dataclass(frozen=True, slots=True)
class Options:
    """The values of each variant by the options' names, none where the file does not speak of them.

    `changed` are the product's options, where they change.
    """

    of_variants: list[dict[str, str] | None]
    changed: list[dict[str, Any]] | None


def options_of(draft: Draft, product: KnownProduct | None) -> Options:
    """What the lines say, by the names of the first line, else by those that the product has. Raises `BadCell`.

    A known option keeps its values, since variants that the file leaves out stay; new values come behind them.
    """
    if product is not None and not draft.option_columns:
        return Options([None for _ in draft.variants], None)
    names = draft.option_names or [option["name"] for option in product.options] if product else draft.option_names
    values = [variant.option_values for variant in draft.variants]
    if _says_no_options(names, values) and not (product and _means_them(product)):
        return Options([{} for _ in values], None)
    if "" in names or len(set(names)) < len(names):
        raise BadCell("invalid_options", "Each option has a name of its own.")
    if any(len(of_variant) > len(names) for of_variant in values):
        raise BadCell("option_name_missing", "There are values of an option whose name the first line does not say.")
    of_variants = [
        {name: value for name, value in zip(names, of_variant, strict=False) if value} for of_variant in values
    ]
    # Options that the file has no columns for stay.
    more = [option["name"] for option in product.options][draft.option_columns :] if product else []
    all_names = names + [name for name in more if name not in names]
    return Options(list(of_variants), _changed(all_names, of_variants, product))


def _changed(
    names: list[str], of_variants: list[dict[str, str]], product: KnownProduct | None
) -> list[dict[str, Any]] | None:
    present = {option["name"]: list(option["values"]) for option in product.options} if product else {}
    if not names or (product is not None and not any(of_variants)):
        return None
    is_known = list(present) == names
    options = [{"name": name, "values": list(present[name]) if is_known else []} for name in names]
    for option in options:
        seen = dict.fromkeys(option["values"])
        seen |= dict.fromkeys(values[option["name"]] for values in of_variants if option["name"] in values)
        option["values"] = list(seen)
    return None if is_known and options == (product.options if product else None) else options


def _says_no_options(names: list[str], values: list[list[str]]) -> bool:
    title, default = NO_OPTIONS
    return names in ([], [title]) and all(of_variant in ([], [default]) for of_variant in values)


def _means_them(product: KnownProduct) -> bool:
    title, default = NO_OPTIONS
    return product.options == [{"name": title, "values": [default]}]
