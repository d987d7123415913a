"""Writes a chunk of products to the catalogue and the ledger, in one transaction with the progress of the import."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from inventory import services as inventory
from inventory.services import Count
from pms_backend.api import context
from pms_backend.api.bulk import REJECTED, Outcome
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_integration.files.columns import Column
from pms_integration.files.limits import MAX_ERRORS
from pms_integration.files.matching import Match, match_products
from pms_integration.files.parsed_products import ParsedProduct
from pms_integration.files.services.leases import Lease, add_problems, end, lease_end, lock_import
from pms_integration.models import ImportJob, ImportStatus
from products import services as products
from products.models import ProductStatus
from products.services import ImageURL
from products.services.publishing import PUBLISH_RULES

CREATED, UPDATED, UNCHANGED = "created", "updated", "unchanged"
_PROGRESS: Final = (
    "offset", "line", "processed", "created", "updated", "unchanged", "failed", "error_count", "warning_count",
    "attempts", "lease_until",
)  # fmt: skip


@retried_atomic
def apply_chunk(
    *,
    lease: Lease,
    parsed_products: Sequence[ParsedProduct],
    repeated_skus: Callable[[], frozenset[str]] = frozenset,
) -> bool:
    """Writes the products without problems and the progress; returns whether the import goes on.

    The products are different ones. `repeated_skus` returns the keys of the SKUs that are in the file more than once.
    Raises `ImportLost`; then nothing is written.
    """
    job = lock_import(lease)
    with context.bind(actor=job.actor, request_id=job.request_id, door=context.Door.IMPORT):
        matches = match_products(parsed_products, repeated_skus)
        _check_stock_scope(job, matches)
        outcomes = _write_products(matches)
        touched = _attach_images(matches, outcomes) | _count(job, matches, outcomes)
    for index, match in enumerate(matches):
        status = outcomes[index].status if index in outcomes else REJECTED
        if status == UNCHANGED and index in touched:
            status = UPDATED
        _tally(job, match, status)
    return _progress(job, parsed_products)


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


def _tally(job: ImportJob, match: Match, status: str) -> None:
    parsed = match.parsed
    block = (parsed.start.offset, parsed.end.offset, parsed.start.line)
    if parsed.problems:
        job.failed += 1
        add_problems(job, parsed.problems, is_warning=False, block=block)
    elif status == CREATED:
        job.created += 1
    elif status == UPDATED:
        job.updated += 1
    else:
        job.unchanged += 1
    if parsed.warnings:
        add_problems(job, parsed.warnings, is_warning=True, block=block)


def _progress(job: ImportJob, parsed_products: Sequence[ParsedProduct]) -> bool:
    last = parsed_products[-1].end
    job.offset, job.line = last.offset, last.line
    job.processed += sum(parsed.line_count for parsed in parsed_products)
    job.attempts, job.lease_until = 0, lease_end()
    job.save(update_fields=_PROGRESS)
    if job.error_count > MAX_ERRORS:
        end(job, ImportStatus.FAILED, f"More than {MAX_ERRORS} errors: the file is not what it was taken for.")
        return False
    return True
