"""Applies the products that a PMS reports: matches them with ours, and writes what is merged of both.

Lock order: the PMSEvents are locked already; then all PMSProducts, products, variants, pushes, refetches.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from pms_backend.access.services import collected
from pms_backend.api.arrays import as_array
from pms_backend.api.exceptions import DomainError
from pms_backend.events import services as outbox
from pms_integration.connectors.contract import Resource
from pms_integration.events import PMSConflict
from pms_integration.exceptions import UnusableData
from pms_integration.models import PMSConnection, PMSEventStatus, PMSProduct, PMSProductPush
from pms_integration.services import refetches, variant_links
from pms_integration.services.categories import slugs_of_categories
from pms_integration.services.linked_products import LinkedProduct
from pms_integration.services.outcomes import STALE, Match, Outcome, outcome_of
from pms_integration.services.product_matching import MatchedVariant, ProductMatch, ProductMatcher
from pms_integration.services.product_pushes.recording import forget_creation
from pms_integration.services.product_values import values_of_report
from pms_integration.services.product_writing import write_linked
from pms_integration.services.valid_reports import ExternalProduct, Reported
from products.exceptions import AttributesTooLarge, DescriptionTooLong, InvalidHandle, OptionsDoNotFit, TooManyVariants
from products.services.statements import Table
from products.skus import sku_key

_UNUSABLE: Final = (OptionsDoNotFit, AttributesTooLarge, TooManyVariants, DescriptionTooLong, InvalidHandle)
# By the ORM, to insert the rows would take a quarter of the time of a batch.
_INSERT: Final = """
INSERT INTO pms_integration_pmsproduct (connection_id, external_id, digest, reason, payload, is_deleted)
SELECT %s, external_id, '', '', '{}', false FROM unnest(%s::text[]) AS external_id ORDER BY external_id
ON CONFLICT (connection_id, external_id) DO NOTHING
"""
_PRODUCTS: Final = Table(PMSProduct, constant={"connection_id", "external_id"})

ProductReport = Reported[ExternalProduct]


@collected()
def apply_product_reports(
    pms: PMSConnection, reported: Sequence[ProductReport], *, answered: PMSProductPush | None = None
) -> list[tuple[int, Outcome]]:
    """Applies the reports in turn; returns the id of each message with the outcome of its report.

    `answered`: the push whose answer the only report is.

    Works in rounds of reports that have no product and no SKU in common, so that a report finds the outcome of each
    one before it that could matter.
    """
    if not reported:
        return []
    rows = lock_external_products(pms, [one.report.external_id for one in reported])
    outcomes: list[tuple[int, Outcome]] = []
    pending = list(range(len(reported)))
    while pending:
        first, others = _first_of_each(reported, pending)
        this_round = _Round(pms, rows, [reported[index] for index in first], answered)
        outcomes += this_round.apply()
        pending = sorted([*others, *(first[index] for index in this_round.postponed)])
    _forget_refused(rows.values())
    return outcomes


def lock_external_products(pms: PMSConnection, external_ids: Sequence[str]) -> dict[str, PMSProduct]:
    """The rows of these products by id, inserted where they are missing, locked in the order of their external ids."""
    ids = sorted(set(external_ids))
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [pms.pk, as_array(ids)])
    rows = PMSProduct.objects.filter(connection=pms, external_id__in=ids).order_by("external_id")
    return {str(row.external_id): row for row in rows.select_for_update(no_key=True)}


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


@dataclass(frozen=True, slots=True)
class _Matched:
    """A report with the product of the PMS that it is of, and with what is written of it."""

    one: ProductReport
    match: ProductMatch
    linked: LinkedProduct

    @property
    def outcome(self) -> Outcome:
        """That of a report that was written."""
        row, notes = self.linked.row, self.linked.notes
        match = None if row.product_id is None else self.match.kind
        return Outcome(PMSEventStatus.PROCESSED, " ".join(notes), match=match, change=self.linked.change)


class _Round:
    """Reports of different products, without a SKU in common.

    `postponed` are the indexes of those that can only be matched after others of the round are written.
    """

    def __init__(
        self,
        pms: PMSConnection,
        rows: dict[str, PMSProduct],
        reported: Sequence[ProductReport],
        answered: PMSProductPush | None,
    ) -> None:
        self.postponed: list[int] = []
        self._pms = pms
        self._rows = rows
        self._reported = reported
        self._answered = answered
        self._matcher = ProductMatcher(pms, [(one.report, rows[one.report.external_id]) for one in reported])
        data = (one.report.data for one in reported if one.report.data is not None)
        self._categories = slugs_of_categories(pms, {each["category"] for each in data if each.get("category")})
        self._to_ask_for: list[tuple[Resource, str]] = []
        self._conflicts: list[PMSProduct] = []
        self._new_conflicts: list[tuple[PMSConflict, str]] = []
        self._outcomes: list[tuple[int, Outcome]] = []

    def apply(self) -> list[tuple[int, Outcome]]:
        """Applies the reports; returns the id of each message with the outcome of its report."""
        matched = [found for index, one in enumerate(self._reported) if (found := self._match(index, one))]
        self._take_over_waiting(matched)
        self._store_conflicts()
        write_linked(self._pms, [each.linked for each in matched if _concerns_us(each)])
        written = [each for each in matched if self._settle(each)]
        _PRODUCTS.update([each.linked.row for each in written])
        variant_links.link_variants(self._pms, [each.one.report for each in written])
        self._outcomes += [(each.one.message_id, each.outcome) for each in written]
        refetches.request(self._pms, self._to_ask_for)
        return self._outcomes

    def _match(self, index: int, one: ProductReport) -> _Matched | None:
        """What is written of the report; None for one that is stale, in conflict or postponed."""
        report, row = one.report, self._rows[one.report.external_id]
        has_same_version = report.version is not None and report.version == row.version
        has_same_content = report.digest == row.digest
        is_older = report.version is not None and row.version is not None and report.version < row.version
        is_stale = is_older or (has_same_version and has_same_content)
        if is_stale and self._answered is None:
            self._outcomes.append((one.message_id, STALE))
            return None
        match = self._matcher.match(report, row)
        if match is None:
            self.postponed.append(index)
            return None
        if match.kind == Match.CONFLICT:
            self._add_conflict(one, row, match.reason)
            return None
        is_repeated = has_same_version or (report.version is None and has_same_content)
        told = values_of_report(report, self._categories)
        linked = LinkedProduct(
            row=row,
            request_id=one.name,
            told={} if is_older else told,
            older=told if is_older else None,
            data=report.data,
            is_deletion=report.data is None,
            renamed=match.variants,
            retries_images=not is_repeated,
            answered=self._answered,
            is_made_of_push=self._answered is not None and _is_made_of(self._answered, report),
        )
        if has_same_version and one.pulled_at is None:
            self._to_ask_for.append((Resource.PRODUCT, report.external_id))
            linked.notes.append("Another content came with the same version: the product has to be asked for.")
        if match.variants:
            linked.notes.append(_renames(match.variants))
        if row.product_id is None:
            row.product_id = match.product_id
        return _Matched(one, match, linked)

    def _take_over_waiting(self, matched: Sequence[_Matched]) -> None:
        """Ends the rows of products that were to be made there, and that the PMS has told of before it answered."""
        ours = {each.linked.row.product_id: each.linked.row for each in matched if each.match.kind != Match.LINKED}
        waiting = PMSProduct.objects.filter(connection=self._pms, external_id__isnull=True, product__in=ours)
        for one in waiting.order_by("pk").select_for_update():
            row = ours[one.product_id]
            # One that is left of an earlier link.
            PMSProductPush.objects.filter(pms_product=row).delete()
            # One that was refused is tried again: there may be nothing left to tell.
            moved = PMSProductPush.objects.filter(pms_product=one)
            forget_creation(moved)
            moved.update(pms_product=row, due_at=Coalesce("due_at", Now()), error="")
            one.delete()

    def _add_conflict(self, one: ProductReport, row: PMSProduct, problem: str) -> None:
        # The version stays, so that the report is applied when it comes again and the conflict is resolved.
        if row.match_problem != problem:
            event = PMSConflict(connection=self._pms.slug, external_id=one.report.external_id, detail=problem)
            self._new_conflicts.append((event, one.name))
        row.match_problem, row.payload = problem, one.report.payload
        if row.product_id is None:
            # What is merged when somebody links it.
            row.reported = values_of_report(one.report, self._categories)
        row.updated_at = timezone.now()
        self._conflicts.append(row)
        self._outcomes.append((one.message_id, Outcome(PMSEventStatus.PROCESSED, problem, match=Match.CONFLICT)))

    def _store_conflicts(self) -> None:
        _PRODUCTS.update(self._conflicts)
        if self._new_conflicts:
            events, names = zip(*self._new_conflicts, strict=True)
            outbox.record(*events, request_ids=names)

    def _settle(self, each: _Matched) -> bool:
        """Completes the row of a report that was written; returns whether it was."""
        row, error = each.linked.row, each.linked.error
        if error is not None:
            if each.match.kind != Match.LINKED:
                row.product_id = None
            self._outcomes.append((each.one.message_id, outcome_of(_event_error(error))))
            return False
        report = each.one.report
        if each.linked.older is not None:
            # What came of the push is known; the product is as the later report tells it.
            return True
        each.linked.notes += report.notes
        if report.version is not None:
            row.version = report.version
        row.digest, row.payload, row.is_deleted = report.digest, report.payload, report.data is None
        row.missed_lists, row.match_problem = 0, ""
        row.reason = each.linked.reason
        row.updated_at = timezone.now()
        return True


def _is_made_of(push: PMSProductPush, answer: ExternalProduct) -> bool:
    """Whether nothing but the push has changed the product there.

    A repeated request is answered with the product as it is now, which may have been edited since; each edit raises
    the version by one at least.
    """
    return push.attempts == 1 or (push.version is not None and answer.version == push.version + 1)


def _concerns_us(each: _Matched) -> bool:
    """Whether there is a product of ours, or one is made."""
    return each.linked.row.product_id is not None or not each.linked.is_deletion


def _event_error(error: DomainError) -> DomainError:
    return UnusableData(f"data is not valid. {error.detail}") if isinstance(error, _UNUSABLE) else error


def _renames(matched: Sequence[MatchedVariant]) -> str:
    renamed = ", ".join(f"the SKU {one.sku} is now {one.new_sku}" for one in matched)
    return f"Linked by barcode: {renamed}."


def _forget_refused(rows: Iterable[PMSProduct]) -> None:
    """Removes the rows of products of which no report could be used."""
    refused = [row.pk for row in rows if row.product_id is None and not row.digest and not row.match_problem]
    if refused:
        PMSProduct.objects.filter(pk__in=refused).delete()
