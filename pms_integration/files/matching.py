"""Which products and variants of ours the drafts of a file mean, and what a service is to be told of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.text import slugify

from pms_integration.files import columns
from pms_integration.files.catalogue_lookup import FreeSkus, Known, KnownProduct
from pms_integration.files.categories import Categories
from pms_integration.files.cells import BadCell
from pms_integration.files.options import Options, options_of
from pms_integration.files.parsed_products import Draft, VariantDraft
from pms_integration.files.problems import Problem
from pms_integration.files.repeated_skus import free_repeated_skus
from pms_integration.files.variants import match_variants
from products.models import MAX_VARIANTS
from products.skus import sku_key

# Where a rule's pointer leads to in a CSV file.
_COLUMN_OF: Final = {
    "handle": columns.HANDLE, "name": columns.TITLE, "description": columns.BODY, "brand": columns.VENDOR,
    "status": columns.STATUS, "category": columns.CATEGORY, "tags": columns.TAGS, "attributes": columns.TYPE,
    "options": columns.option_value(1), "sku": columns.SKU, "price": columns.PRICE, "currency": columns.CURRENCY,
    "compare_at_price": columns.COMPARE_AT, "cost": columns.COST, "weight_grams": columns.GRAMS,
    "barcode": columns.BARCODE,
}  # fmt: skip


@dataclass(slots=True)
class Match:
    """A draft and what is to be written of it: `data` is none where something is wrong.

    `variants` are the draft's in the order of `data["variants"]`.
    """

    draft: Draft
    problems: list[Problem]
    warnings: list[Problem]
    data: dict[str, Any] | None = None
    variants: list[VariantDraft] = field(default_factory=list)
    # Variants that have no SKU yet: the place in `data`, and the first choice.
    nameless: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, line: int, column: str, code: str, detail: str) -> None:
        """Notes why it cannot be written."""
        self.problems.append(Problem(line, self.draft.name_of(column), code, detail))
        self.data = None

    def warn(self, line: int, column: str, code: str, detail: str) -> None:
        """Notes what is written otherwise than the file says."""
        self.warnings.append(Problem(line, self.draft.name_of(column), code, detail))

    def refuse_pointer(self, pointer: str, code: str, detail: str) -> None:
        """The same of a rule that has named a place in `data`."""
        steps = pointer.strip("/").split("/")
        line = self.draft.line
        if steps[0] == "variants" and len(steps) > 1 and steps[1].isdecimal() and int(steps[1]) < len(self.variants):
            line = self.variants[int(steps[1])].line
        if not self.draft.is_whole:
            column = next((_COLUMN_OF[step] for step in reversed(steps) if step in _COLUMN_OF), "")
        else:
            column = "/".join(steps)
        self.refuse(line, column, code, detail)


def match_drafts(drafts: Sequence[Draft], repeated_skus: Callable[[], frozenset[str]] = frozenset) -> list[Match]:
    """A match for each draft, in their order; the database is asked a constant number of times.

    `repeated_skus` are the keys of those that are in the file more than once.
    """
    matches = [Match(draft, list(draft.problems), list(draft.warnings)) for draft in drafts]
    sound = [match for match in matches if not match.problems]
    known = Known(
        [match.draft.handle for match in sound],
        [variant.sku for match in sound for variant in match.draft.variants if variant.sku],
        [variant.sku for match in sound if match.draft.is_found_by_sku for variant in match.draft.variants],
    )
    speaks_of_categories = any(match.draft.category or match.draft.product_type for match in sound)
    categories = Categories() if speaks_of_categories else None
    claimed: set[str] = set()
    for match in sound:
        product = known.product_of(match.draft)
        if not match.draft.is_whole:
            free_repeated_skus(match, product, known, repeated_skus)
        _match(match, product, known, claimed, categories)
    _name_nameless(sound, claimed)
    return matches


def _match(
    match: Match, product: KnownProduct | None, known: Known, claimed: set[str], categories: Categories | None
) -> None:
    draft = match.draft
    data: dict[str, Any] = dict(draft.values)
    if product is not None:
        data["id"] = product.id
    try:
        data |= dict(_category_and_type(draft, product, categories))
    except BadCell as error:
        match.refuse(draft.line, columns.CATEGORY, error.code, error.detail)
        return
    match.data = data
    if draft.is_whole:
        match.variants = draft.variants
        data["variants"] = [variant.values for variant in draft.variants]
    else:
        _match_lines(match, data, product)
    _claim(match, product, known, claimed)


def _category_and_type(
    draft: Draft, product: KnownProduct | None, categories: Categories | None
) -> Iterator[tuple[str, Any]]:
    if draft.category and categories is not None:
        slug = categories.require_slug(draft.category) if draft.is_whole else categories.require(draft.category)
        yield "category", slug
    elif draft.category is not None:
        yield "category", None
    elif draft.product_type and categories is not None and (found := categories.by_name(draft.product_type)):
        yield "category", found
    if draft.product_type is None:
        return
    present = product.product_type if product else None
    # Another kind of value is not Shopify's, and an export leaves it out.
    if (present is None or isinstance(present, str)) and (present or "") != draft.product_type:
        yield "attributes", {"product_type": draft.product_type or None}


def _match_lines(match: Match, data: dict[str, Any], product: KnownProduct | None) -> None:
    draft = match.draft
    if product is None:
        data["handle"] = draft.handle
        if not data.get("name"):
            match.refuse(draft.line, columns.TITLE, "required", "A new product has a title.")
            return
    if len(draft.variants) > MAX_VARIANTS:
        detail = f"The product has {len(draft.variants)} variants; {MAX_VARIANTS} are the most."
        match.refuse(draft.line, columns.HANDLE, "too_many_variants", detail)
        return
    try:
        options = options_of(draft, product)
    except BadCell as error:
        match.refuse(draft.line, columns.option_name(1), error.code, error.detail)
        return
    if options.changed is not None:
        data["options"] = options.changed
    _check_variants(match, options)
    _fill_variants(match, data, product, options)


def _check_variants(match: Match, options: Options) -> None:
    """Two lines that mean the same variant."""
    skus: set[str] = set()
    seen: set[tuple[tuple[str, str], ...]] = set()
    for variant, values in zip(match.draft.variants, options.of_variants, strict=True):
        key = sku_key(variant.sku) if variant.sku else ""
        if key in skus:
            detail = f"{variant.sku} stands in two lines of the product."
            match.refuse(variant.line, columns.SKU, "duplicate_sku", detail)
        combination = tuple((values or {}).items())
        if combination in seen:
            detail = "Another line of the product has the same option values."
            match.refuse(variant.line, columns.option_value(1), "duplicate_options", detail)
        skus |= {key} - {""}
        seen |= {combination} - {()}


def _fill_variants(match: Match, data: dict[str, Any], product: KnownProduct | None, options: Options) -> None:
    drafts = match.draft.variants or ([] if product else [VariantDraft(match.draft.line)])
    of_variants = options.of_variants or [None if product else {} for _ in drafts]
    found = match_variants(drafts, of_variants, product)
    has_order = product is not None and None not in found and _is_in_order(found)
    rows: list[dict[str, Any]] = []
    for index, (draft, values, variant) in enumerate(zip(drafts, of_variants, found, strict=True)):
        row: dict[str, Any] = dict(draft.values)
        if values is not None:
            is_partial = variant is not None and match.draft.option_columns < len(variant.options)
            row["options"] = {**variant.options, **values} if variant and is_partial else values
        if not has_order:
            row["position"] = index
        if variant is not None:
            row |= {"id": variant.id, "sku": draft.sku or variant.sku}
        elif draft.sku:
            row["sku"] = draft.sku
        else:
            is_only_one = len(drafts) == 1 and not (product and product.variants)
            parts = [slugify(value, allow_unicode=True) for value in (values or {}).values()]
            wanted = [match.draft.handle] if is_only_one else [match.draft.handle, *filter(None, parts)]
            match.nameless.append((index, "-".join(wanted)))
        rows.append(row)
    if not rows and product is not None:
        rows = [{"id": variant.id, "sku": variant.sku} for variant in product.variants[:1]]
    match.variants = drafts
    data["variants"] = rows


def _is_in_order(found: Sequence[Any]) -> bool:
    places = [(variant.position, variant.id) for variant in found]
    return places == sorted(places)


def _claim(match: Match, product: KnownProduct | None, known: Known, claimed: set[str]) -> None:
    """Refuses SKUs that other products have, or that an earlier draft of the chunk is about to have."""
    if match.data is None:
        return
    keys = {sku_key(row["sku"]): row["sku"] for row in match.data["variants"] if "sku" in row}
    for variant in match.variants:
        key = sku_key(variant.sku) if variant.sku else ""
        owner = known.owners.get(key)
        is_others = owner is not None and owner[0] != (product.id if product else None)
        if key in claimed or (is_others and not (match.draft.is_whole and product is None)):
            whose = owner[1] if owner else "another product of this file"
            column = "variants" if match.draft.is_whole else columns.SKU
            match.refuse(variant.line, column, "sku_taken", f"{variant.sku} belongs to {whose}.")
    if match.data is not None:
        claimed |= set(keys)


def _name_nameless(matches: Sequence[Match], claimed: set[str]) -> None:
    waiting = [match for match in matches if match.data is not None and match.nameless]
    if not waiting:
        return
    free = FreeSkus((wanted for match in waiting for _, wanted in match.nameless), claimed)
    for match in waiting:
        for index, wanted in match.nameless:
            if match.data is not None:
                match.data["variants"][index]["sku"] = free.take(wanted)
