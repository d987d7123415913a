"""Matches the parsed products of a file with the catalogue and prepares the data that a service writes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.utils.text import slugify

from pms_integration.files.catalogue_lookup import CatalogueLookup, CatalogueProduct, FreeSkus
from pms_integration.files.categories import Categories
from pms_integration.files.cells import PRODUCT_CELLS, VARIANT_CELLS, BadCell
from pms_integration.files.columns import Column, option_name, option_value
from pms_integration.files.parsed_products import ParsedProduct, ParsedVariant
from pms_integration.files.variants import Options, match_variants, options_of
from products.models import MAX_VARIANTS
from products.skus import sku_key

# The column of a CSV file for the member at which the pointer of an error ends.
_COLUMN_OF: Final = {
    **{name: column for column, name, _ in (*PRODUCT_CELLS, *VARIANT_CELLS)},
    "handle": Column.HANDLE,
    "status": Column.STATUS,
    "category": Column.CATEGORY,
    "attributes": Column.TYPE,
    "options": option_value(1),
    "sku": Column.SKU,
}


@dataclass(slots=True)
class Match:
    """A parsed product and the data to write; `data` is None if the product is refused.

    `variants` are its variants in the order of `data["variants"]`.
    """

    parsed: ParsedProduct
    data: dict[str, Any] | None = None
    # Of the existing product.
    product_id: int | None = None
    variants: list[ParsedVariant] = field(default_factory=list)
    # Variants without a SKU: the index in `data["variants"]`, and the preferred SKU.
    unnamed: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, column: str, code: str, detail: str) -> None:
        """Adds a problem, so that the product is not written."""
        self.parsed.refuse(line, column, code, detail)
        self.data = None

    def refuse_pointer(self, pointer: str, code: str, detail: str) -> None:
        """Adds a problem that a service reports with a JSON pointer into `data`."""
        steps = pointer.strip("/").split("/")
        line = self.parsed.line
        if steps[0] == "variants" and len(steps) > 1 and steps[1].isdecimal() and int(steps[1]) < len(self.variants):
            line = self.variants[int(steps[1])].line
        if not self.parsed.is_whole:
            column = next((_COLUMN_OF[step] for step in reversed(steps) if step in _COLUMN_OF), "")
        else:
            column = "/".join(steps)
        self.refuse(line, column, code, detail)


def match_products(
    products: Sequence[ParsedProduct],
    repeated_skus: Callable[[], frozenset[str]] = frozenset,
    planned_categories: dict[str, str] | None = None,
) -> list[Match]:
    """A match for each product, in their order, with a constant number of queries.

    `repeated_skus` returns the keys of the SKUs that are in the file more than once. `planned_categories` are those of
    `Categories`.
    """
    # Copies, since a transaction that is retried starts again with the products as they were parsed.
    matches = [Match(replace(parsed, problems=[*parsed.problems], warnings=[*parsed.warnings])) for parsed in products]
    sound = [match for match in matches if not match.parsed.problems]
    lookup = CatalogueLookup([match.parsed for match in sound])
    needs_categories = any(match.parsed.category or match.parsed.product_type for match in sound)
    categories = Categories(planned_categories) if needs_categories else None
    used_keys: set[str] = set()
    for match in sound:
        product = lookup.product_of(match.parsed)
        if not match.parsed.is_whole:
            _clear_repeated_skus(match.parsed, product, lookup, repeated_skus)
        _match(match, product, lookup, used_keys, categories)
    _allocate_skus(sound, used_keys)
    return matches


def _clear_repeated_skus(
    parsed: ParsedProduct,
    product: CatalogueProduct | None,
    lookup: CatalogueLookup,
    repeated_skus: Callable[[], frozenset[str]],
) -> None:
    """Clears, with a warning, SKUs that an earlier line of the file has given to another variant.

    A SKU that belongs to another product but is in the file only once stays, and is refused later.
    """
    seen: set[str] = set()
    seen_options: set[tuple[str, ...]] = set()
    variants: list[ParsedVariant] = []
    for variant in parsed.variants:
        options, key = tuple(variant.option_values), sku_key(variant.sku) if variant.sku else ""
        owner = lookup.owners.get(key)
        is_others = owner is not None and owner[0] != (product.id if product else None) and key in repeated_skus()
        if key and (is_others or (key in seen and options and options not in seen_options)):
            holder = f"{owner[1]} has it" if is_others and owner else "another line of the product has it"
            detail = f"The SKU {variant.sku} is there more than once, and {holder}; one is made for this line."
            parsed.warn(variant.line, Column.SKU, "sku_repeated", detail)
            variant = replace(variant, sku="")
        seen.add(key)
        seen_options.add(options)
        variants.append(variant)
    parsed.variants = variants


def _match(
    match: Match,
    product: CatalogueProduct | None,
    lookup: CatalogueLookup,
    used_keys: set[str],
    categories: Categories | None,
) -> None:
    parsed = match.parsed
    data: dict[str, Any] = dict(parsed.values)
    if product is not None:
        data["id"] = product.id
    try:
        data |= dict(_category_and_type(parsed, product, categories))
    except BadCell as error:
        match.refuse(parsed.line, Column.CATEGORY, error.code, error.detail)
        return
    match.data = data
    match.product_id = product.id if product else lookup.owner_by_sku(parsed)
    if parsed.is_whole:
        match.variants = parsed.variants
        data["variants"] = [variant.values for variant in parsed.variants]
    else:
        _match_lines(match, data, product)
    _check_skus(match, product, lookup, used_keys)


def _category_and_type(
    parsed: ParsedProduct, product: CatalogueProduct | None, categories: Categories | None
) -> Iterator[tuple[str, Any]]:
    if parsed.category and categories is not None:
        slug = categories.require_slug(parsed.category) if parsed.is_whole else categories.require(parsed.category)
        yield "category", slug
    elif parsed.category is not None:
        yield "category", None
    elif parsed.product_type and categories is not None and (found := categories.by_name(parsed.product_type)):
        yield "category", found
    if parsed.product_type is None:
        return
    present = product.product_type if product else None
    # A product type that is not text is not Shopify's, and exports leave it out.
    if (present is None or isinstance(present, str)) and (present or "") != parsed.product_type:
        yield "attributes", {"product_type": parsed.product_type or None}


def _match_lines(match: Match, data: dict[str, Any], product: CatalogueProduct | None) -> None:
    parsed = match.parsed
    if product is None:
        data["handle"] = parsed.handle
        if not data.get("name"):
            match.refuse(parsed.line, Column.TITLE, "required", "A new product has a title.")
            return
    if len(parsed.variants) > MAX_VARIANTS:
        detail = f"The product has {len(parsed.variants)} variants; {MAX_VARIANTS} are the most."
        match.refuse(parsed.line, Column.HANDLE, "too_many_variants", detail)
        return
    try:
        options = options_of(parsed, product)
    except BadCell as error:
        match.refuse(parsed.line, option_name(1), error.code, error.detail)
        return
    if options.new_options is not None:
        data["options"] = options.new_options
    _check_variants(match, options)
    _fill_variants(match, data, product, options)


def _check_variants(match: Match, options: Options) -> None:
    """Refuses a product of which two lines are the same variant."""
    skus: set[str] = set()
    seen: set[tuple[tuple[str, str], ...]] = set()
    for variant, values in zip(match.parsed.variants, options.values, strict=True):
        key = sku_key(variant.sku) if variant.sku else ""
        if key in skus:
            detail = f"{variant.sku} stands in two lines of the product."
            match.refuse(variant.line, Column.SKU, "duplicate_sku", detail)
        combination = tuple((values or {}).items())
        if combination in seen:
            detail = "Another line of the product has the same option values."
            match.refuse(variant.line, option_value(1), "duplicate_options", detail)
        skus |= {key} - {""}
        seen |= {combination} - {()}


def _fill_variants(match: Match, data: dict[str, Any], product: CatalogueProduct | None, options: Options) -> None:
    lines = match.parsed.variants or ([] if product else [ParsedVariant(match.parsed.line)])
    all_values = options.values or [None if product else {} for _ in lines]
    found = match_variants(lines, all_values, product)
    has_order = product is not None and None not in found and _is_in_order(found)
    rows: list[dict[str, Any]] = []
    for index, (line, values, variant) in enumerate(zip(lines, all_values, found, strict=True)):
        row: dict[str, Any] = dict(line.values)
        if values is not None:
            is_partial = variant is not None and match.parsed.option_columns < len(variant.options)
            row["options"] = {**variant.options, **values} if variant and is_partial else values
        if not has_order:
            row["position"] = index
        if variant is not None:
            row |= {"id": variant.id, "sku": line.sku or variant.sku}
        elif line.sku:
            row["sku"] = line.sku
        else:
            is_only_one = len(lines) == 1 and not (product and product.variants)
            parts = [slugify(value, allow_unicode=True) for value in (values or {}).values()]
            wanted = [match.parsed.handle] if is_only_one else [match.parsed.handle, *filter(None, parts)]
            match.unnamed.append((index, "-".join(wanted)))
        rows.append(row)
    if not rows and product is not None:
        rows = [{"id": variant.id, "sku": variant.sku} for variant in product.variants[:1]]
    match.variants = lines
    data["variants"] = rows


def _is_in_order(found: Sequence[Any]) -> bool:
    order = [(variant.position, variant.id) for variant in found]
    return order == sorted(order)


def _check_skus(match: Match, product: CatalogueProduct | None, lookup: CatalogueLookup, used_keys: set[str]) -> None:
    """Refuses SKUs of other products, in the catalogue or earlier in the chunk."""
    if match.data is None:
        return
    keys = {sku_key(row["sku"]) for row in match.data["variants"] if "sku" in row}
    for variant in match.variants:
        key = sku_key(variant.sku) if variant.sku else ""
        owner = lookup.owners.get(key)
        is_others = owner is not None and owner[0] != (product.id if product else None)
        if key in used_keys or (is_others and not (match.parsed.is_whole and product is None)):
            holder = owner[1] if owner else "another product of this file"
            column = "variants" if match.parsed.is_whole else Column.SKU
            match.refuse(variant.line, column, "sku_taken", f"{variant.sku} belongs to {holder}.")
    if match.data is not None:
        used_keys |= keys


def _allocate_skus(matches: Sequence[Match], used_keys: set[str]) -> None:
    """Gives a SKU to the variants that have none."""
    waiting = [match for match in matches if match.data is not None and match.unnamed]
    if not waiting:
        return
    free_skus = FreeSkus((wanted for match in waiting for _, wanted in match.unnamed), used_keys)
    for match in waiting:
        for index, wanted in match.unnamed:
            if match.data is not None:
                match.data["variants"][index]["sku"] = free_skus.allocate(wanted)
