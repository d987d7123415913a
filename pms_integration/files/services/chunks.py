"""Some products of a file: into the catalogue and the ledger, in one transaction with the import's progress."""

from collections.abc import Callable, Sequence
from typing import Final

from inventory import services as inventory
from inventory.services import Count
from pms_backend.api import context
from pms_backend.api.bulk import REJECTED, Outcome
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_integration.files import columns
from pms_integration.files.limits import MAX_ERRORS
from pms_integration.files.matching import Match, match_drafts
from pms_integration.files.parsed_products import Draft
from pms_integration.files.services.leases import Claim, end, held, lease, note
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
    *, claim: Claim, drafts: Sequence[Draft], repeated_skus: Callable[[], frozenset[str]] = frozenset
) -> bool:
    """Writes the drafts, all that are sound, and that the import has come so far; returns whether it goes on.

    `repeated_skus` are the keys of those that are in the file more than once. Drafts name different products.
    Raises `ImportLost`, and then nothing is written.
    """
    job = held(claim)
    with context.bind(actor=job.actor, request_id=job.request_id):
        matches = match_drafts(drafts, repeated_skus)
        _check_stock_is_his(job, matches)
        outcomes = _write_products(matches)
        touched = _attach_images(matches, outcomes) | _count(job, matches, outcomes)
    for index, match in enumerate(matches):
        status = outcomes[index].status if index in outcomes else REJECTED
        if status == UNCHANGED and index in touched:
            status = UPDATED
        _tally(job, match, status)
    return _progress(job, drafts)


def _check_stock_is_his(job: ImportJob, matches: Sequence[Match]) -> None:
    """A CSV file's columns were looked at when it came; the members of JSON Lines are seen only now."""
    if job.sets_stock:
        return
    for match in matches:
        for variant in match.draft.variants:
            if variant.quantity is not None and match.data is not None:
                detail = "Setting stock needs the scope inventory:write."
                match.refuse(variant.line, _quantity_column(match), "forbidden", detail)


def _write_products(matches: Sequence[Match]) -> dict[int, Outcome]:
    """The outcomes of those that were written, by index; what fails only by a publish rule is written as a draft."""
    # All that the file says of a product: a status brings an archived one back.
    rows = [(index, {**match.data, "is_whole": True}) for index, match in enumerate(matches) if match.data is not None]
    outcomes = {outcome.index: outcome for outcome in products.upsert_products(rows=rows)} if rows else {}
    drafts = []
    for index, outcome in outcomes.items():
        match = matches[index]
        if outcome.status == REJECTED and match.data and _breaks_publish_rules(outcome):
            drafts.append((index, {**match.data, "is_whole": True, "status": str(ProductStatus.DRAFT)}))
            reasons = " ".join(error.detail for error in outcome.errors)
            column = "status" if match.draft.is_whole else columns.STATUS
            match.warn(match.draft.line, column, "not_published", f"It is a draft. {reasons}")
    if drafts:
        outcomes |= {outcome.index: outcome for outcome in products.upsert_products(rows=drafts)}
    for index, outcome in list(outcomes.items()):
        if outcome.status == REJECTED:
            for error in outcome.errors:
                matches[index].refuse_pointer(error.pointer, error.code, error.detail)
            del outcomes[index]
    return outcomes


def _breaks_publish_rules(outcome: Outcome) -> bool:
    codes = {error.code for error in outcome.errors}
    return bool(codes) and codes <= set(PUBLISH_RULES)


def _attach_images(matches: Sequence[Match], outcomes: dict[int, Outcome]) -> set[int]:
    """The indexes of those whose pictures have changed."""
    index_of = {outcome.key["id"]: index for index, outcome in outcomes.items()}
    images = [
        ImageURL(product_id=outcome.key["id"], url=image.url, alt=image.alt, position=image.position)
        for index, outcome in outcomes.items()
        for image in matches[index].draft.images
    ]
    return {index_of[product_id] for product_id in products.attach_image_urls(images=images)}


def _count(job: ImportJob, matches: Sequence[Match], outcomes: dict[int, Outcome]) -> set[int]:
    """The indexes of those whose stock has changed."""
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
        match.warn(wanted[0][1].line, _quantity_column(match), "no_location", detail)
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
            match.warn(variant.line, _quantity_column(match), error.code, error.detail)
        elif outcome.status != UNCHANGED:
            changed.add(index)
    return changed


def _quantity_column(match: Match) -> str:
    return "variants/quantity" if match.draft.is_whole else columns.QUANTITY


def _tally(job: ImportJob, match: Match, status: str) -> None:
    draft = match.draft
    block = (draft.start.offset, draft.end.offset, draft.start.line)
    if match.problems:
        job.failed += 1
        note(job, match.problems, is_warning=False, block=block)
    elif status == CREATED:
        job.created += 1
    elif status == UPDATED:
        job.updated += 1
    else:
        job.unchanged += 1
    if match.warnings:
        note(job, match.warnings, is_warning=True, block=block)


def _progress(job: ImportJob, drafts: Sequence[Draft]) -> bool:
    last = drafts[-1].end
    job.offset, job.line = last.offset, last.line
    job.processed += sum(draft.line_count for draft in drafts)
    job.attempts, job.lease_until = 0, lease()
    job.save(update_fields=_PROGRESS)
    if job.error_count > MAX_ERRORS:
        end(job, ImportStatus.FAILED, f"More than {MAX_ERRORS} errors: the file is not what it was taken for.")
        return False
    return True
