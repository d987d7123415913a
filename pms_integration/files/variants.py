"""The options and variants of a product in a CSV file, compared with those in the catalogue."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pms_integration.files.catalogue_lookup import CatalogueProduct, CatalogueVariant
from pms_integration.files.cells import BadCell
from pms_integration.files.parsed_products import ParsedProduct, ParsedVariant
from products.skus import sku_key

# The option that Shopify writes for a product without options.
NO_OPTIONS: Final = ("Title", "Default Title")


@dataclass(frozen=True, slots=True)
class Options:
    """The option values of each variant by option name, None if the file has no options.

    `new_options` are the options of the product if they change.
    """

    values: list[dict[str, str] | None]
    new_options: list[dict[str, Any]] | None


def options_of(parsed: ParsedProduct, product: CatalogueProduct | None) -> Options:
    """The options by the names in the first line, else by the names in the catalogue. Raises `BadCell`.

    An existing option keeps its values, since variants that are not in the file stay; new values are appended.
    """
    if product is not None and not parsed.option_columns:
        return Options([None for _ in parsed.variants], None)
    names = parsed.option_names or [option["name"] for option in product.options] if product else parsed.option_names
    values = [variant.option_values for variant in parsed.variants]
    if _has_no_options(names, values) and not (product and _has_default_title(product)):
        return Options([{} for _ in values], None)
    if "" in names or len(set(names)) < len(names):
        raise BadCell("invalid_options", "Each option has a name of its own.")
    if any(len(cells) > len(names) for cells in values):
        raise BadCell("option_name_missing", "There are values of an option whose name the first line does not say.")
    by_name = [{name: value for name, value in zip(names, cells, strict=False) if value} for cells in values]
    # Options that the file has no columns for stay.
    more = [option["name"] for option in product.options][parsed.option_columns :] if product else []
    all_names = names + [name for name in more if name not in names]
    return Options(list(by_name), _changed_options(all_names, by_name, product))


def _changed_options(
    names: list[str], variants: list[dict[str, str]], product: CatalogueProduct | None
) -> list[dict[str, Any]] | None:
    present = {option["name"]: list(option["values"]) for option in product.options} if product else {}
    if not names or (product is not None and not any(variants)):
        return None
    is_known = list(present) == names
    options = [{"name": name, "values": list(present[name]) if is_known else []} for name in names]
    for option in options:
        seen = dict.fromkeys(option["values"])
        seen |= dict.fromkeys(values[option["name"]] for values in variants if option["name"] in values)
        option["values"] = list(seen)
    return None if is_known and options == (product.options if product else None) else options


def _has_no_options(names: list[str], values: list[list[str]]) -> bool:
    title, default = NO_OPTIONS
    return names in ([], [title]) and all(cells in ([], [default]) for cells in values)


def _has_default_title(product: CatalogueProduct) -> bool:
    title, default = NO_OPTIONS
    return product.options == [{"name": title, "values": [default]}]


def match_variants(
    lines: Sequence[ParsedVariant], options: Sequence[dict[str, str] | None], product: CatalogueProduct | None
) -> list[CatalogueVariant | None]:
    """For each line the variant with its SKU, else a variant with its option values that no other line has matched.

    If the file has no options, a line without a SKU matches only the single variant of a product.
    """
    variants = product.variants if product else []
    by_key = {variant.sku_key: variant for variant in variants}
    found = [by_key.get(sku_key(line.sku)) if line.sku else None for line in lines]
    matched = {variant.id for variant in found if variant is not None}
    rest: dict[frozenset[tuple[str, str]], list[CatalogueVariant]] = defaultdict(list)
    for variant in variants:
        if variant.id not in matched:
            rest[frozenset(variant.options.items())].append(variant)
    is_only_one = len(variants) == len(lines) == 1
    for index, line in enumerate(lines):
        values = options[index]
        if found[index] is not None or (values is None and not is_only_one):
            continue
        candidates = rest[frozenset(variants[0].options.items() if values is None else values.items())]
        # Variants without options cannot be told apart, so that only a single one can match.
        if candidates and (values or not line.sku or is_only_one):
            found[index] = candidates.pop(0)
    return found
