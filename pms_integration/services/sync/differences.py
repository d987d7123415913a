"""What a batch of reports changes: the catalogue and the levels are compared before and after it is applied."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inventory.models import StockLevel
from inventory.services.levels import Key
from pms_integration.models import (
    MAX_REASON_LENGTH,
    PMSConnection,
    PMSEventStatus,
    PMSProduct,
    SyncAction,
    SyncDifference,
    SyncResource,
)
from pms_integration.models.sync_runs import MAX_FIELD_LENGTH
from pms_integration.services.linked_products import disputed_fields
from pms_integration.services.outcomes import STALE, Match, Outcome
from pms_integration.services.product_fields import Values, shown_name, skus_of
from pms_integration.services.product_merge import Sides, merge
from pms_integration.services.product_values import changed_fields, first_sku, shown, sku_of_field, values_of_products
from pms_integration.services.stock_names import StockNames
from pms_integration.services.sync.leases import error_of
from pms_integration.services.valid_reports import ExternalProduct, Figure, Reported
from products.models import ProductStatus, Variant
from products.skus import sku_key


@dataclass(slots=True)
class Findings:
    """What came of reports, counted and as differences."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    archived: int = 0
    errors: list[dict[str, str]] = field(default_factory=list)
    differences: list[SyncDifference] = field(default_factory=list)

    def leave_out(self, location: str) -> None:
        """Counts a figure of a location that is not mapped: an error for each location, not for each figure."""
        self.unchanged += 1
        detail = f"No location is called {location}, by the connection or by us: its figures are left out."
        error = error_of(resource=SyncResource.STOCK, detail=detail)
        if error not in self.errors:
            self.errors.append(error)

    def fail(self, resource: SyncResource, detail: str, *, external_id: str = "", sku: str = "") -> None:
        """Counts a report that was not applied."""
        self.failed += 1
        self.errors.append(error_of(resource=resource, external_id=external_id, sku=sku, detail=detail))


class ProductComparison:
    """Made before the reports are applied, which `compare` then judges."""

    def __init__(self, pms: PMSConnection, reported: Sequence[Reported[ExternalProduct]]) -> None:
        self._pms = pms
        self._rows = PMSProduct.objects.filter(
            connection=pms, external_id__in=[one.report.external_id for one in reported]
        )
        self._reported = reported
        stored = {row[0]: row[1:] for row in self._rows.values_list("external_id", "product_id", "version", "digest")}
        self._links = {external_id: product for external_id, (product, *_) in stored.items()}
        # What has not changed is not looked at any further: of a full list that is nearly everything.
        changed = [one.report for one in reported if not _repeats(one.report, stored.get(one.report.external_id))]
        variants = [variant for report in changed if report.data for variant in report.data["variants"]]
        keys = {sku_key(variant["sku"]) for variant in variants}
        barcodes = {variant["barcode"] for variant in variants if variant.get("barcode")}
        owners = Variant.objects.filter(sku_key__in=keys) | Variant.objects.filter(barcode__in=barcodes)
        ids = set(owners.values_list("product_id", flat=True))
        ids |= {link for report in changed if (link := self._links.get(report.external_id)) is not None}
        self._before = values_of_products(ids)

    def compare(self, outcomes: Mapping[int, Outcome], found: Findings) -> None:
        """Adds what came of the reports."""
        columns = ("external_id", "product_id", "match_problem", "reported", "agreed", "conflict")
        rows = {row.external_id: row for row in self._rows.only(*columns)}
        after = values_of_products({row.product_id for row in rows.values() if row.product_id in self._before})
        for one in self._reported:
            outcome, row = outcomes[one.message_id], rows.get(one.report.external_id)
            if row is None or not outcome.is_success:
                found.fail(SyncResource.PRODUCTS, outcome.reason, external_id=one.report.external_id)
            elif outcome.match == Match.CONFLICT:
                self._add_conflict(one.report, row, found)
            elif outcome is STALE or row.product_id is None:
                found.unchanged += 1
            elif row.product_id in self._before:
                self._add_change(one.report, row.product_id, after[row.product_id], outcome, found)
                found.differences += self._left_open(one.report, row, after[row.product_id])
            else:
                self._add_creation(one.report, row.product_id, outcome, found)

    def _add_conflict(self, report: ExternalProduct, row: PMSProduct, found: Findings) -> None:
        is_first = self._links.get(report.external_id) is None
        action = SyncAction.AMBIGUOUS if is_first else SyncAction.CONFLICT
        name = report.data["name"] if report.data else None
        sku = report.data["variants"][0]["sku"] if report.data else ""
        found.differences.append(
            _difference(report, action=action, sku=sku, pms=name, detail=row.match_problem, product=row.product_id)
        )
        found.fail(SyncResource.PRODUCTS, row.match_problem, external_id=report.external_id, sku=sku)

    def _add_creation(self, report: ExternalProduct, product: int, outcome: Outcome, found: Findings) -> None:
        found.created += 1
        data = report.data or {}
        found.differences.append(
            _difference(
                report,
                action=SyncAction.CREATE_HERE,
                sku=data["variants"][0]["sku"],
                pms=data["name"],
                detail=outcome.reason,
                product=product,
            )
        )

    def _add_change(
        self, report: ExternalProduct, product: int, after: Values, outcome: Outcome, found: Findings
    ) -> None:
        before, sku = self._before[product], first_sku(after)
        rows = []
        if self._links.get(report.external_id) is None:
            link = {"action": SyncAction.LINK, "pms": after["name"], "local": product}
            # A link by barcode has said so itself.
            detail = f"Linked by SKU. {outcome.reason}".strip() if outcome.match == Match.SKU else outcome.reason
            rows.append(_difference(report, sku=sku, product=product, detail=detail, **link))
        is_archived = report.data is None and before["status"] != ProductStatus.ARCHIVED == after["status"]
        action = SyncAction.ARCHIVE if is_archived else SyncAction.TAKE_PMS
        rows += [
            _difference(report, action=action, field=name, sku=sku_of_field(name), pms=new, local=old, product=product)
            for name, old, new in changed_fields(before, after)
        ]
        found.differences += rows
        if is_archived:
            found.archived += 1
        elif rows:
            found.updated += 1
        else:
            found.unchanged += 1

    def _left_open(self, report: ExternalProduct, row: PMSProduct, after: Values) -> Iterator[SyncDifference]:
        """What the PMS is told, and what is in conflict."""
        merged = merge(
            Sides(
                owners=self._pms.ownership,
                theirs=row.reported,
                ours=after,
                agreed=row.agreed,
                disputed=disputed_fields(row),
            )
        )
        skus = skus_of(after, row.reported)
        for action, names in ((SyncAction.PUSH_LOCAL, merged.push), (SyncAction.CONFLICT, sorted(merged.conflicts))):
            for name in names:
                field = shown_name(name, skus)
                yield _difference(
                    report,
                    action=action,
                    field=field,
                    sku=sku_of_field(field),
                    pms=shown(row.reported.get(name)),
                    local=shown(after.get(name)),
                    product=row.product_id,
                )


def _repeats(report: ExternalProduct, stored: Sequence[Any] | None) -> bool:
    """Whether the report is what the PMS told last: it is stale then."""
    return stored is not None and report.version is not None and tuple(stored[1:]) == (report.version, report.digest)


def _difference(report: ExternalProduct, *, action: SyncAction, product: int | None, **values: Any) -> SyncDifference:
    shortened = {"field": MAX_FIELD_LENGTH, "detail": MAX_REASON_LENGTH}
    values |= {name: values[name][:length] for name, length in shortened.items() if name in values}
    return SyncDifference(
        resource=SyncResource.PRODUCTS, external_id=report.external_id, action=action, product_id=product, **values
    )


class StockComparison:
    """Made before the figures are applied, which `compare` then judges."""

    def __init__(self, pms: PMSConnection, reported: Sequence[Reported[Figure]]) -> None:
        self._reported = reported
        self._names = StockNames(pms, [one.report for one in reported])
        self._keys = {one.message_id: self._names.level_of(one.report) for one in reported}
        self._before = self._on_hand()

    def _on_hand(self) -> dict[Key, int]:
        variants = {key[0] for key in self._keys.values() if key}
        levels = StockLevel.objects.filter(variant__in=variants).values_list("variant_id", "location_id", "on_hand")
        return {(variant, location): on_hand for variant, location, on_hand in levels}

    def compare(
        self, outcomes: Mapping[int, Outcome], skus: Mapping[int, str], found: Findings, *, products_follow: bool
    ) -> None:
        """Adds what came of the figures; `skus` has the name of each figure's variant.

        `products_follow`: the variants that are not known yet are those of products that would be created.
        """
        after = self._on_hand()
        for one in self._reported:
            outcome, key, sku = outcomes[one.message_id], self._keys[one.message_id], skus[one.message_id]
            if not self.is_mapped(one.report):
                found.leave_out(one.report.location)
            elif products_follow and outcome.status == PMSEventStatus.DEFERRED:
                found.created += 1
                self._add(one.report, SyncAction.CREATE_HERE, sku, None, found)
            elif key is None or not outcome.is_success:
                found.fail(SyncResource.STOCK, outcome.reason, sku=sku)
            else:
                self._add_level(one.report, key, sku, after.get(key), found)

    def is_mapped(self, figure: Figure) -> bool:
        """Whether the figure is of a location that we know."""
        return self._names.location_of(figure) is not None

    def _add_level(self, figure: Figure, key: Key, sku: str, after: int | None, found: Findings) -> None:
        local, location = self._before.get(key), self._names.location_of(figure)
        if local is None and after is not None:
            found.created += 1
            self._add(figure, SyncAction.CREATE_HERE, sku, local, found)
        elif local != after:
            found.updated += 1
            self._add(figure, SyncAction.TAKE_PMS, sku, local, found)
        else:
            found.unchanged += 1
            is_compared = location is not None and not location.owns_stock
            if is_compared and local is not None and local != figure.on_hand:
                # The stock is ours here: nothing is done about it.
                self._add(figure, SyncAction.NONE, sku, local, found)

    def _add(self, figure: Figure, action: SyncAction, sku: str, local: int | None, found: Findings) -> None:
        found.differences.append(
            SyncDifference(
                resource=SyncResource.STOCK,
                sku=sku,
                field=f"on_hand[{figure.location}]"[:MAX_FIELD_LENGTH],
                pms=figure.on_hand,
                local=local,
                action=action,
            )
        )
