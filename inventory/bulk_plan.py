"""What a file would change: its rows as those of the bulk services, looked up, checked and previewed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils.translation import gettext as _

from inventory import services
from inventory.bulk_file import (
    BARCODE,
    DELTA,
    LOCATION,
    NOTE,
    ON_HAND,
    REASON,
    REFERENCE,
    SKU,
    BulkFile,
    FileRow,
    whole_number,
)
from inventory.item_codes import skus_by_code
from inventory.models import ADJUSTMENT_REASONS, MAX_NOTE_LENGTH, MAX_REFERENCE_LENGTH
from inventory.plausibility import is_implausible, largest_quantities_seen
from inventory.services import Adjustment, Count
from pms_backend.api.bulk import REJECTED, Outcome

_REASONS: Final = {
    name.casefold(): reason.value for reason in ADJUSTMENT_REASONS for name in (reason.value, reason.label)
}

BulkRow = Adjustment | Count


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for rows that do not say it themselves."""

    location: str = ""
    reason: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is not applied, and why."""

    line: int
    cells: list[str]
    reason: str


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row that can be applied, and what is on hand before and after it."""

    row: BulkRow
    cells: list[str]
    before: int
    after: int
    is_implausible: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What the file would change: rows that can be applied, and those that cannot, in the order of the file."""

    header: list[str]
    rows: list[PlannedRow]
    refused: list[RefusedRow]

    @property
    def changed(self) -> list[PlannedRow]:
        """The rows that change what is on hand."""
        return [one for one in self.rows if one.after != one.before]


class _Refused(Exception):
    """A row names something that does not exist, or says something that is not valid."""


def plan_of(file: BulkFile, defaults: Defaults) -> Plan:
    """Looks up what the rows name, and asks the bulk services what they would do now."""
    skus = _skus_of(file.rows)
    rows: list[BulkRow] = []
    refused: list[RefusedRow] = []
    seen: set[tuple[str, str]] = set()
    for one in file.rows:
        try:
            row = _bulk_row(one, skus, defaults, are_counts=file.are_counts)
            _refuse_second_count(row, seen)
        except _Refused as error:
            refused.append(RefusedRow(one.line, one.cells, str(error)))
        else:
            rows.append(row)
    cells_of = {one.line: one.cells for one in file.rows}
    results = services.preview_bulk(rows=rows)
    planned, levels = [], {}
    for row, result in zip(rows, results, strict=True):
        if result.before is None or result.after is None or result.level_id is None:
            refused.append(RefusedRow(row.index, cells_of[row.index], reason_of(result.outcome)))
            continue
        levels[row.index] = result.level_id
        planned.append(PlannedRow(row, cells_of[row.index], result.before, result.after))
    return Plan(file.header, _marked(planned, levels), sorted(refused, key=lambda one: one.line))


def reason_of(outcome: Outcome) -> str:
    """Why a row was refused, in words."""
    return " ".join(error.detail for error in outcome.errors)


def expecting(planned: PlannedRow) -> BulkRow:
    """The row to apply: a count only if the level still has what the preview has shown."""
    row = planned.row
    return replace(row, expected_on_hand=planned.before) if isinstance(row, Count) else row


def is_refused(outcome: Outcome) -> bool:
    """Whether the row was not applied."""
    return outcome.status == REJECTED


def _skus_of(rows: Iterable[FileRow]) -> dict[str, str | None]:
    """The SKU of each text that is a SKU or a barcode; None for a barcode that several SKUs have."""
    texts = {text for row in rows for text in (row.values.get(SKU), row.values.get(BARCODE)) if text}
    return {text: skus[0] if len(skus) == 1 else None for text, skus in skus_by_code(texts).items() if skus}


def _bulk_row(one: FileRow, skus: Mapping[str, str | None], defaults: Defaults, *, are_counts: bool) -> BulkRow:
    if one.problem:
        raise _Refused(one.problem)
    values = one.values
    common: dict[str, Any] = {
        "index": one.line,
        "sku": _sku(values.get(SKU) or values.get(BARCODE) or "", skus),
        "location": values.get(LOCATION) or defaults.location,
        "note": _short(values.get(NOTE, ""), NOTE, MAX_NOTE_LENGTH),
        "reference": _short(values.get(REFERENCE) or defaults.reference, REFERENCE, MAX_REFERENCE_LENGTH),
    }
    if not common["location"]:
        raise _Refused(_("It names no location, and none is chosen for such rows."))
    if are_counts:
        return Count(on_hand=_number(values.get(ON_HAND, ""), ON_HAND), **common)
    return Adjustment(delta=_number(values.get(DELTA, ""), DELTA), reason=_reason(values, defaults), **common)


def _sku(text: str, skus: Mapping[str, str | None]) -> str:
    if not text:
        raise _Refused(_("It names no SKU."))
    if text not in skus:
        raise _Refused(_("There is no SKU and no barcode %(text)s.") % {"text": text})
    sku = skus[text]
    if sku is None:
        raise _Refused(_("Several SKUs have the barcode %(text)s.") % {"text": text})
    return sku


def _number(cell: str, column: str) -> int:
    number = whole_number(cell)
    if number is None:
        raise _Refused(_("“%(cell)s” in %(column)s is not a whole number.") % {"cell": cell, "column": column})
    return number


def _reason(values: Mapping[str, str], defaults: Defaults) -> str:
    named = values.get(REASON, "")
    if not named and not defaults.reason:
        raise _Refused(_("It names no reason, and none is chosen for such rows."))
    if named and named.casefold() not in _REASONS:
        raise _Refused(_("“%(name)s” is not a reason.") % {"name": named})
    return _REASONS[named.casefold()] if named else defaults.reason


def _short(text: str, column: str, limit: int) -> str:
    if len(text) > limit:
        raise _Refused(_("The %(column)s has more than %(limit)s characters.") % {"column": column, "limit": limit})
    return text


def _refuse_second_count(row: BulkRow, seen: set[tuple[str, str]]) -> None:
    if isinstance(row, Adjustment):
        return
    if (row.sku, row.location) in seen:
        raise _Refused(_("An earlier row counts the same SKU at the same location."))
    seen.add((row.sku, row.location))


def _marked(planned: list[PlannedRow], levels: Mapping[int, int]) -> list[PlannedRow]:
    """Marks the rows with a quantity far beyond what the level has had."""
    large = [one for one in planned if is_implausible(_quantity(one), abs(one.before))]
    seen = largest_quantities_seen(levels[one.row.index] for one in large) if large else {}
    implausible = {one.row.index for one in large if is_implausible(_quantity(one), seen.get(levels[one.row.index]))}
    return [replace(one, is_implausible=one.row.index in implausible) for one in planned]


def _quantity(planned: PlannedRow) -> int:
    row = planned.row
    return row.on_hand if isinstance(row, Count) else abs(row.delta)
