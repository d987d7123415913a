"""Writes products of a file to the catalogue and the ledger, and says what has become of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inventory import services as inventory
from inventory.services import Count
from pms_backend.api import context
from pms_backend.api.bulk import REJECTED, Outcome
from pms_backend.api.problems import FieldError
from pms_integration.files.columns import Column
from pms_integration.files.field_values import Change, ProductValues, changes_between, read_values
from pms_integration.files.limits import MAX_RESULTS
from pms_integration.files.matching import Match, match_products
from pms_integration.files.parsed_products import ParsedProduct
from pms_integration.models import ImportAction, ImportJob
from products import services as products
from products.models import ProductStatus
from products.services import ImageURL
from products.services.publishing import PUBLISH_RULES

UPDATED, UNCHANGED = "updated", "unchanged"
_ACTIONS: Final = {"created": ImportAction.CREATE, UPDATED: ImportAction.UPDATE, UNCHANGED: ImportAction.NONE}


@dataclass(slots=True)
class Written:
    """What has become of a product of the file.

    `before` and `after` are None where they are not known: what has not changed is not read again.
    """

    parsed: ParsedProduct
    action: ImportAction
    product_id: int | None = None
    before: ProductValues | None = None
    after: ProductValues | None = None

    def changes(self) -> list[Change]:
        """The fields that differ."""
        return changes_between(self.before, self.after) if self.after else []


def write_products(
    job: ImportJob,
    parsed_products: Sequence[ParsedProduct],
    repeated_skus: Callable[[], frozenset[str]],
    planned_categories: dict[str, str] | None = None,
) -> list[Written]:
    """Writes the products without problems, in the present transaction; one for each product, in their order.

    The products are different ones. `planned_categories` are those of `Categories`.
    """
    with context.bind(actor=job.actor, request_id=job.request_id, door=context.Door.IMPORT):
        matches = match_products(parsed_products, repeated_skus, planned_categories)
        _check_stock_scope(job, matches)
        before = _values_before(job, matches)
        outcomes = _write_products(matches)
        touched = _attach_images(matches, outcomes) | _count(job, matches, outcomes)
    written = [_written(match, outcomes.get(index), index in touched) for index, match in enumerate(matches)]
    _add_values(job, written, before)
    return written


def _written(match: Match, outcome: Outcome | None, is_touched: bool) -> Written:  # noqa: FBT001 - of a pair
    if outcome is None:
        return Written(match.parsed, ImportAction.REFUSE)
    status = UPDATED if outcome.status == UNCHANGED and is_touched else outcome.status
    return Written(match.parsed, _ACTIONS[status], outcome.key["id"])


def _is_shown(job: ImportJob, action: ImportAction) -> bool:
    """Whether the changes are needed: a preview compares all names, the results are those of the first products."""
    return job.dry_run or {ImportAction.CREATE: job.created, ImportAction.UPDATE: job.updated}[action] < MAX_RESULTS


def _values_before(job: ImportJob, matches: Sequence[Match]) -> dict[int, ProductValues]:
    if not _is_shown(job, ImportAction.UPDATE):
        return {}
    ids = {match.product_id for match in matches if match.data is not None and match.product_id is not None}
    return read_values(ids, job.location)


def _add_values(job: ImportJob, written: Sequence[Written], before: dict[int, ProductValues]) -> None:
    changed = [
        one
        for one in written
        if one.action in (ImportAction.CREATE, ImportAction.UPDATE) and _is_shown(job, one.action)
    ]
    after = read_values({one.product_id for one in changed if one.product_id is not None}, job.location)
    for one in changed:
        one.before, one.after = before.get(one.product_id or 0), after[one.product_id or 0]


def _check_stock_scope(job: ImportJob, matches: Sequence[Match]) -> None:
    """Refuses products with quantities. A CSV file is checked when it is uploaded, JSON Lines only here."""
    if job.sets_stock:
        return
    for match in matches:
        for variant in match.parsed.variants:
            if variant.quantity is not None and match.data is not None:
                detail = "Setting stock needs the scope inventory:write."
                match.refuse(variant.line, _quantity_column(match), "forbidden", detail)


def _write_products(matches: Sequence[Match]) -> dict[int, Outcome]:
    """The outcomes of the written products by index. A product that breaks only publish rules is written as a draft."""
    rows = [(index, _row(match)) for index, match in enumerate(matches) if match.data is not None]
    outcomes = {outcome.index: outcome for outcome in products.upsert_products(rows=rows)} if rows else {}
    drafts = []
    for index, outcome in outcomes.items():
        match = matches[index]
        if outcome.status == REJECTED and match.data and _breaks_publish_rules(outcome):
            drafts.append((index, {**_row(match), "status": str(ProductStatus.DRAFT)}))
            reasons = " ".join(error.detail for error in outcome.errors)
            column = "status" if match.parsed.is_whole else Column.STATUS
            match.parsed.warn(match.parsed.line, column, "not_published", f"It is a draft. {reasons}")
    if drafts:
        outcomes |= {outcome.index: outcome for outcome in products.upsert_products(rows=drafts)}
    for index, outcome in list(outcomes.items()):
        if outcome.status == REJECTED:
            for error in outcome.errors:
                matches[index].refuse_pointer(error.pointer, error.code, error.detail)
            del outcomes[index]
    return outcomes


def _row(match: Match) -> dict[str, Any]:
    # The file is complete: its status also restores an archived product.
    return {**(match.data or {}), "is_whole": True}


def _breaks_publish_rules(outcome: Outcome) -> bool:
    codes = {error.code for error in outcome.errors}
    return bool(codes) and codes <= set(PUBLISH_RULES)


def _attach_images(matches: Sequence[Match], outcomes: dict[int, Outcome]) -> set[int]:
    """The indexes of the products whose pictures have changed."""
    index_of = {outcome.key["id"]: index for index, outcome in outcomes.items()}
    images = [
        ImageURL(product_id=outcome.key["id"], url=image.url, alt=image.alt, position=image.position)
        for index, outcome in outcomes.items()
        for image in matches[index].parsed.images
    ]
    changes = products.attach_image_urls(images=images)
    for product_id, detail in changes.left_out.items():
        parsed = matches[index_of[product_id]].parsed
        column = "images" if parsed.is_whole else Column.IMAGE_SRC
        parsed.warn(parsed.line, column, "too_many_images", detail)
    return {index_of[product_id] for product_id in changes.product_ids}


def _count(job: ImportJob, matches: Sequence[Match], outcomes: dict[int, Outcome]) -> set[int]:
    """Sets the stock of the variants with a quantity; returns the indexes of the products whose stock has changed."""
    wanted = [
        (index, variant, row["sku"])
        for index in outcomes
        for variant, row in zip(matches[index].variants, (matches[index].data or {})["variants"], strict=False)
        if variant.quantity is not None
    ]
    if not wanted:
        return set()
    if job.location is None:
        match = matches[wanted[0][0]]
        detail = "There is no active location, so that quantities were not set."
        match.parsed.warn(wanted[0][1].line, _quantity_column(match), "no_location", detail)
        return set()
    rows = [
        Count(index=number, sku=sku, location=job.location.code, on_hand=variant.quantity or 0)
        for number, (_, variant, sku) in enumerate(wanted)
    ]
    changed = set()
    for outcome in inventory.count_stock_in_bulk(rows=rows):
        index, variant, _ = wanted[outcome.index]
        if outcome.status == REJECTED:
            error = outcome.errors[0] if outcome.errors else FieldError("", "invalid", "")
            match = matches[index]
            match.parsed.warn(variant.line, _quantity_column(match), error.code, error.detail)
        elif outcome.status != UNCHANGED:
            changed.add(index)
    return changed


def _quantity_column(match: Match) -> str:
    return "variants/quantity" if match.parsed.is_whole else Column.QUANTITY
