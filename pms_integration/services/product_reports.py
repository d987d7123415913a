"""Applies the products that a PMS reports, by the bulk service of the catalogue.

Lock order: the PMSEvents are locked already; then all PMSProducts, products, variants.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils import timezone

from pms_backend.api.bulk import Outcome as RowOutcome
from pms_backend.api.exceptions import DomainError
from pms_backend.events import services as outbox
from pms_integration.connectors.contract import Resource
from pms_integration.events import PMSConflict
from pms_integration.exceptions import UnusableData
from pms_integration.models import MAX_REASON_LENGTH, PMSConnection, PMSEventStatus, PMSProduct, PMSProductState
from pms_integration.services import refetches, variant_links
from pms_integration.services.outcomes import STALE, Match, Outcome, outcome_of
from pms_integration.services.product_matching import MatchedVariant, ProductMatch, ProductMatcher
from pms_integration.services.valid_reports import ExternalProduct, Reported
from products import services as products
from products.exceptions import (
    AttributesTooLarge,
    DescriptionTooLong,
    InvalidHandle,
    OptionsDoNotFit,
    PublishRulesFailed,
    TooManyVariants,
)
from products.models import Category, ProductStatus
from products.services import ImageList
from products.services.statements import Table
from products.skus import sku_key

_UNUSABLE: Final = (OptionsDoNotFit, AttributesTooLarge, TooManyVariants, DescriptionTooLong, InvalidHandle)
_PRODUCTS: Final = Table(PMSProduct, constant={"connection_id", "external_id"})
UPDATED, UNCHANGED = "updated", "unchanged"

ProductReport = Reported[ExternalProduct]


def apply_product_reports(pms: PMSConnection, reported: Sequence[ProductReport]) -> list[tuple[int, Outcome]]:
    """Applies the reports in turn; returns the id of each message with the outcome of its report.

    Works in rounds of reports that have no product and no SKU in common, so that a report finds the outcome of each
    one before it that could matter.
    """
    if not reported:
        return []
    rows = _locked_rows(pms, [one.report.external_id for one in reported])
    outcomes: list[tuple[int, Outcome]] = []
    pending = list(range(len(reported)))
    while pending:
        first, others = _first_of_each(reported, pending)
        this_round = _Round(pms, rows, [reported[index] for index in first])
        outcomes += this_round.apply()
        pending = sorted([*others, *(first[index] for index in this_round.postponed)])
    _forget_refused(rows.values())
    return outcomes


def _first_of_each(reported: Sequence[ProductReport], pending: Sequence[int]) -> tuple[list[int], list[int]]:
    """The indexes of the reports without anything in common with one before them, and of the others."""
    seen: set[tuple[str, str]] = set()
    first: list[int] = []
    others: list[int] = []
    for index in pending:
        report = reported[index].report
        variants = report.data["variants"] if report.data else ()
        identities = {("id", report.external_id), *(("sku", sku_key(variant["sku"])) for variant in variants)}
        (others if identities & seen else first).append(index)
        seen |= identities
    return first, others


@dataclass(slots=True)
class _Change:
    """What is written of a report: `data` for the bulk service, None where we have no product; notes for the event.

    `change` says what became of our product. `is_repeated`: the same version was applied before.
    """

    one: ProductReport
    row: PMSProduct
    match: ProductMatch
    is_repeated: bool
    data: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    change: str = ""

    @property
    def outcome(self) -> Outcome:
        """That of a change that was written."""
        match = None if self.row.product_id is None else self.match.kind
        return Outcome(PMSEventStatus.PROCESSED, " ".join(self.notes), match=match, change=self.change)


class _Round:
    """Reports of different products, without a SKU in common.

    `postponed` are the indexes of those that can only be matched after others of the round are written.
    """

    def __init__(self, pms: PMSConnection, rows: dict[str, PMSProduct], reported: Sequence[ProductReport]) -> None:
        self.postponed: list[int] = []
        self._pms = pms
        self._rows = rows
        self._reported = reported
        self._matcher = ProductMatcher(pms, [(one.report, rows[one.report.external_id]) for one in reported])
        data = (one.report.data for one in reported if one.report.data is not None)
        slugs = {each["category"] for each in data if each.get("category")}
        self._categories = (
            set(Category.objects.filter(slug__in=slugs).values_list("slug", flat=True)) if slugs else set()
        )
        self._to_ask_for: list[tuple[Resource, str]] = []
        self._conflicts: list[PMSProduct] = []
        self._new_conflicts: list[tuple[PMSConflict, str]] = []
        self._outcomes: list[tuple[int, Outcome]] = []

    def apply(self) -> list[tuple[int, Outcome]]:
        """Applies the reports; returns the id of each message with the outcome of its report."""
        changes = [change for index, one in enumerate(self._reported) if (change := self._change_of(index, one))]
        refetches.request(self._pms, self._to_ask_for)
        self._store_conflicts()
        written = self._write(changes)
        _PRODUCTS.update([change.row for change in written])
        variant_links.link_variants(self._pms, [change.one.report for change in written])
        self._outcomes += [(change.one.message_id, change.outcome) for change in written]
        return self._outcomes

    def _change_of(self, index: int, one: ProductReport) -> _Change | None:
        """The change that the report makes; None for one that is stale, in conflict or postponed."""
        report, row = one.report, self._rows[one.report.external_id]
        has_same_version = report.version is not None and report.version == row.version
        has_same_content = report.digest == row.digest
        is_older = report.version is not None and row.version is not None and report.version < row.version
        if is_older or (has_same_version and has_same_content):
            self._outcomes.append((one.message_id, STALE))
            return None
        match = self._matcher.match(report, row)
        if match is None:
            self.postponed.append(index)
            return None
        is_repeated = has_same_version or (report.version is None and has_same_content)
        change = _Change(one, row, match, is_repeated)
        if has_same_version and one.pulled_at is None:
            self._to_ask_for.append((Resource.PRODUCT, report.external_id))
            change.notes.append("Another content came with the same version: the product has to be asked for.")
        if match.kind == Match.CONFLICT:
            self._add_conflict(one, row, match.reason)
            return None
        row.product_id = match.product_id
        if report.data is not None:
            change.data = self._input(change, report.data)
        elif row.product_id is not None:
            change.data = {"id": row.product_id, "status": ProductStatus.ARCHIVED.value}
        return change

    def _add_conflict(self, one: ProductReport, row: PMSProduct, reason: str) -> None:
        # The version stays, so that the report is applied when it comes again and the conflict is resolved.
        if row.state != PMSProductState.CONFLICT or row.reason != reason:
            event = PMSConflict(connection=self._pms.slug, external_id=row.external_id, detail=reason)
            self._new_conflicts.append((event, one.name))
        row.state, row.reason, row.payload = PMSProductState.CONFLICT, reason, one.report.payload
        row.updated_at = timezone.now()
        self._conflicts.append(row)
        self._outcomes.append((one.message_id, Outcome(PMSEventStatus.PROCESSED, reason, match=Match.CONFLICT)))

    def _store_conflicts(self) -> None:
        _PRODUCTS.update(self._conflicts)
        if self._new_conflicts:
            events, names = zip(*self._new_conflicts, strict=True)
            outbox.record(*events, request_ids=names)

    def _input(self, change: _Change, data: dict[str, Any]) -> dict[str, Any]:
        """The input of the bulk service, without a category that does not exist."""
        category = data.get("category")
        if category and category not in self._categories:
            data = {name: value for name, value in data.items() if name != "category"}
            change.notes.append(f"There is no category {category}.")
        if change.match.variants:
            ids = {variant.index: {"id": variant.id} for variant in change.match.variants}
            change.notes.append(_renames(change.match.variants, data["variants"]))
            named = [{**variant, **ids.get(index, {})} for index, variant in enumerate(data["variants"])]
            data = {**data, "variants": named}
        linked = {} if change.match.product_id is None else {"id": change.match.product_id}
        restored = {"status": ProductStatus.DRAFT.value} if change.row.is_deleted else {}
        return {**restored, **data, **linked, "is_whole": True}

    def _write(self, changes: Sequence[_Change]) -> list[_Change]:
        """Writes the products of ours with their images; returns the changes that were written."""
        written = [change for change in changes if change.data is None]
        drafts: list[_Change] = []
        for change, outcome in _upserted([change for change in changes if change.data is not None]):
            if isinstance(outcome.error, PublishRulesFailed):
                change.notes.append(f"Kept as a draft: {outcome.error.detail}")
                change.data = {**(change.data or {}), "status": ProductStatus.DRAFT.value}
                drafts.append(change)
            else:
                self._settle(change, outcome, written)
        for change, outcome in _upserted(drafts):
            self._settle(change, outcome, written)
        self._replace_images(written)
        for change in written:
            _store_report(change)
        return written

    def _settle(self, change: _Change, outcome: RowOutcome, written: list[_Change]) -> None:
        if outcome.error is None:
            change.row.product_id = outcome.key["id"]
            change.change = outcome.status
            written.append(change)
        else:
            if change.match.kind != Match.LINKED:
                change.row.product_id = None
            self._outcomes.append((change.one.message_id, outcome_of(_event_error(outcome.error))))

    def _replace_images(self, written: Sequence[_Change]) -> None:
        """Makes the images that the PMS has of our products those of the reports."""
        changed = products.replace_image_lists(
            lists=[
                ImageList(
                    product_id=change.row.product_id,
                    images=change.one.report.images,
                    retries_failed=not change.is_repeated,
                    request_id=change.one.name,
                )
                for change in written
                if change.row.product_id is not None and change.one.report.images is not None
            ],
            listed_by=f"pms:{self._pms.slug}",
        )
        for change in written:
            product_id = change.row.product_id
            if product_id in changed.product_ids and change.change == UNCHANGED:
                change.change = UPDATED
            change.notes += change.one.report.notes
            if product_id in changed.left_out:
                change.notes.append(changed.left_out[product_id])


def _upserted(changes: Sequence[_Change]) -> list[tuple[_Change, RowOutcome]]:
    if not changes:
        return []
    rows = [(index, {**(c.data or {}), "request_id": c.one.name}) for index, c in enumerate(changes)]
    outcomes = sorted(products.upsert_products(rows=rows), key=lambda outcome: outcome.index)
    return [(changes[outcome.index], outcome) for outcome in outcomes]


def _event_error(error: DomainError) -> DomainError:
    return UnusableData(f"data is not valid. {error.detail}") if isinstance(error, _UNUSABLE) else error


def _store_report(change: _Change) -> None:
    report, row = change.one.report, change.row
    if report.version is not None:
        row.version = report.version
    row.digest, row.payload, row.is_deleted = report.digest, report.payload, report.data is None
    row.missed_lists = 0
    row.state, row.reason = PMSProductState.IN_SYNC, change.outcome.reason[:MAX_REASON_LENGTH]
    row.updated_at = timezone.now()


def _renames(matched: Sequence[MatchedVariant], variants: Sequence[dict[str, Any]]) -> str:
    renamed = ", ".join(f"the SKU {one.sku} is now {variants[one.index]['sku']}" for one in matched)
    return f"Linked by barcode: {renamed}."


def _locked_rows(pms: PMSConnection, external_ids: Sequence[str]) -> dict[str, PMSProduct]:
    """The rows of these products, inserted where they are missing, locked in the order of their external ids."""
    ids = sorted(set(external_ids))
    PMSProduct.objects.bulk_create(
        [PMSProduct(connection=pms, external_id=external_id) for external_id in ids], ignore_conflicts=True
    )
    rows = PMSProduct.objects.filter(connection=pms, external_id__in=ids).order_by("external_id")
    return {row.external_id: row for row in rows.select_for_update(no_key=True)}


def _forget_refused(rows: Iterable[PMSProduct]) -> None:
    """Removes the rows of products of which no report could be used."""
    refused = [row.pk for row in rows if not row.digest and row.state != PMSProductState.CONFLICT]
    if refused:
        PMSProduct.objects.filter(pk__in=refused).delete()
