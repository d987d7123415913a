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
from pms_integration.models import PMSConnection, PMSEventStatus, PMSProduct, PMSProductState
from pms_integration.services import refetches, variant_links
from pms_integration.services.outcomes import STALE, Outcome, outcome_of
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
from products.models import Category, ProductStatus, Variant
from products.services.statements import Table
from products.skus import sku_key

_UNUSABLE: Final = (OptionsDoNotFit, AttributesTooLarge, TooManyVariants, DescriptionTooLong, InvalidHandle)
_PRODUCTS: Final = Table(PMSProduct, constant={"connection_id", "external_id"})
_SKU_CONFLICT: Final = "SKUs of it belong to another product."

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
    pending = list(reported)
    while pending:
        this_round, pending = _first_of_each(pending)
        outcomes += _Round(pms, rows, this_round).apply()
    _forget_refused(rows.values())
    return outcomes


def _first_of_each(pending: Sequence[ProductReport]) -> tuple[list[ProductReport], list[ProductReport]]:
    """The reports without anything in common with one before them, and the others."""
    seen: set[tuple[str, str]] = set()
    first: list[ProductReport] = []
    others: list[ProductReport] = []
    for one in pending:
        variants = one.report.data["variants"] if one.report.data else ()
        identities = {("id", one.report.external_id), *(("sku", sku_key(variant["sku"])) for variant in variants)}
        (others if identities & seen else first).append(one)
        seen |= identities
    return first, others


@dataclass(slots=True)
class _Change:
    """What is written of a report: `data` for the bulk service, None where we have no product; notes for the event."""

    one: ProductReport
    row: PMSProduct
    data: dict[str, Any] | None
    notes: list[str] = field(default_factory=list)


class _Round:
    """Reports of different products, without a SKU in common."""

    def __init__(self, pms: PMSConnection, rows: dict[str, PMSProduct], reported: Sequence[ProductReport]) -> None:
        self._pms = pms
        self._rows = rows
        self._reported = reported
        data = [one.report.data for one in reported if one.report.data is not None]
        self._owners = _owners({sku_key(variant["sku"]) for each in data for variant in each["variants"]})
        linked = PMSProduct.objects.filter(connection=pms, product__in=set(self._owners.values()))
        self._linked = set(linked.values_list("product_id", flat=True))
        slugs = {each["category"] for each in data if each.get("category")}
        self._categories = (
            set(Category.objects.filter(slug__in=slugs).values_list("slug", flat=True)) if slugs else set()
        )
        self._outcomes: list[tuple[int, Outcome]] = []

    def apply(self) -> list[tuple[int, Outcome]]:
        """Applies the reports; returns the id of each message with the outcome of its report."""
        changes = [change for one in self._reported if (change := self._change_of(one)) is not None]
        written = self._write(changes)
        _PRODUCTS.update([change.row for change in written])
        variant_links.link_variants(self._pms, [change.one.report for change in written])
        self._outcomes += [(c.one.message_id, Outcome(PMSEventStatus.PROCESSED, " ".join(c.notes))) for c in written]
        return self._outcomes

    def _change_of(self, one: ProductReport) -> _Change | None:
        """The change that the report makes; None for one that is stale or in conflict."""
        report, row = one.report, self._rows[one.report.external_id]
        notes = []
        if report.version is not None and row.version is not None:
            if report.version < row.version or (report.version == row.version and report.digest == row.digest):
                self._outcomes.append((one.message_id, STALE))
                return None
            if report.version == row.version:
                refetches.request(self._pms, [(Resource.PRODUCT, report.external_id)])
                notes.append("Another content came with the same version: the product has to be asked for.")
        if report.data is None:
            archived = {"id": row.product_id, "status": ProductStatus.ARCHIVED.value}
            return _Change(one, row, archived if row.product_id is not None else None, notes)
        if self._is_conflict(row, report.data):
            self._store_conflict(one, row)
            return None
        return _Change(one, row, self._input(row, report.data, notes), notes)

    def _is_conflict(self, row: PMSProduct, data: dict[str, Any]) -> bool:
        """Whether SKUs of the report belong to another product than the row is linked to.

        Links the row to an existing product that has the SKUs and is not linked yet.
        """
        keys = (sku_key(variant["sku"]) for variant in data["variants"])
        owners = {self._owners[key] for key in keys if key in self._owners}
        if row.product_id is None and len(owners) == 1 and not owners & self._linked:
            row.product_id = next(iter(owners))
            self._linked |= owners
        return bool(owners - {row.product_id})

    def _store_conflict(self, one: ProductReport, row: PMSProduct) -> None:
        # The version stays, so that the report is applied when it comes again and the conflict is resolved.
        is_known = row.state == PMSProductState.CONFLICT and row.reason == _SKU_CONFLICT
        row.state, row.reason, row.payload = PMSProductState.CONFLICT, _SKU_CONFLICT, one.report.payload
        row.updated_at = timezone.now()
        _PRODUCTS.update([row])
        if not is_known:
            event = PMSConflict(connection=self._pms.slug, external_id=row.external_id, detail=_SKU_CONFLICT)
            outbox.record(event, request_ids=[one.name])
        self._outcomes.append((one.message_id, Outcome(PMSEventStatus.PROCESSED, _SKU_CONFLICT)))

    def _input(self, row: PMSProduct, data: dict[str, Any], notes: list[str]) -> dict[str, Any]:
        """The input of the bulk service, without a category that does not exist."""
        category = data.get("category")
        if category and category not in self._categories:
            data = {name: value for name, value in data.items() if name != "category"}
            notes.append(f"There is no category {category}.")
        linked = {} if row.product_id is None else {"id": row.product_id}
        restored = {"status": ProductStatus.DRAFT.value} if row.is_deleted else {}
        return {**restored, **data, **linked, "is_whole": True}

    def _write(self, changes: Sequence[_Change]) -> list[_Change]:
        """Writes the products of ours; returns the changes that were written."""
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
        for change in written:
            _store_report(change)
        return written

    def _settle(self, change: _Change, outcome: RowOutcome, written: list[_Change]) -> None:
        if outcome.error is None:
            change.row.product_id = outcome.key["id"]
            written.append(change)
        else:
            self._outcomes.append((change.one.message_id, outcome_of(_event_error(outcome.error))))


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
    row.state, row.reason = PMSProductState.IN_SYNC, " ".join(change.notes)
    row.updated_at = timezone.now()


def _owners(sku_keys: set[str]) -> dict[str, int]:
    return dict(Variant.objects.filter(sku_key__in=sku_keys).values_list("sku_key", "product_id"))


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
