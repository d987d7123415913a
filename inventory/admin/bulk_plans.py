"""What a preview has shown, as it travels in the page: signed, so that nothing else can be applied."""

from dataclasses import asdict, dataclass
from typing import Final

from inventory.bulk_file import cells_to_correct
from inventory.bulk_plan import BulkRow, Plan, RefusedRow, expecting
from inventory.services import Adjustment, Count
from pms_backend.api.signed_plans import read_plan, sign_plan
from pms_backend.api.spreadsheets import csv_row

_NAME: Final = "inventory.admin.bulk"
_KINDS: Final[dict[str, type[BulkRow]]] = {"count": Count, "adjustment": Adjustment}
# The column after those of the file; it is ignored when the file is sent again.
_WHY: Final = "refused_because"


@dataclass(frozen=True, slots=True)
class SignedPlan:
    """The rows to apply, their cells by their lines, and the rows that are refused already."""

    header: list[str]
    rows: list[BulkRow]
    cells: dict[int, list[str]]
    refused: list[RefusedRow]
    all_or_nothing: bool = False

    def signed(self, user: int) -> str:
        """The text for the page of this user."""
        content = {
            "kind": "count" if any(isinstance(row, Count) for row in self.rows) else "adjustment",
            "rows": [asdict(row) for row in self.rows],
            "cells": [self.cells[row.index] for row in self.rows],
            "header": self.header,
            "refused": [[one.line, one.cells, one.reason] for one in self.refused],
            "all_or_nothing": self.all_or_nothing,
        }
        return sign_plan(content, name=_NAME, user=user)


def read_signed(text: str, user: int) -> SignedPlan:
    """The plan of a page. Raises `BadSignature`, also for another user's and for one that is too old."""
    content = read_plan(text, name=_NAME, user=user)
    rows = [_KINDS[content["kind"]](**row) for row in content["rows"]]
    return SignedPlan(
        content["header"],
        rows,
        {row.index: cells for row, cells in zip(rows, content["cells"], strict=True)},
        [RefusedRow(*one) for one in content["refused"]],
        content["all_or_nothing"],
    )


def plan_to_sign(plan: Plan, *, all_or_nothing: bool) -> SignedPlan:
    """A plan that has been shown."""
    cells = {one.row.index: one.cells for one in plan.rows}
    return SignedPlan(plan.header, [expecting(one) for one in plan.rows], cells, plan.refused, all_or_nothing)


def refused_as_csv(plan: SignedPlan) -> bytes:
    """The refused rows as they were in the file, with the reason, to be corrected and sent again."""
    lines = [csv_row([*cells_to_correct(plan.header, plan.header), _WHY])]
    lines += [csv_row([*cells_to_correct(plan.header, one.cells), one.reason]) for one in plan.refused]
    return b"".join(lines)
