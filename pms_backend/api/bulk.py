"""Bulk requests: rows that are judged one by one, or all or nothing."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.api import serializers
from pms_backend.api.exceptions import Conflict, DomainError, Invalid, field_errors
from pms_backend.api.problems import FieldError

REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row; `key` is its `sku` or `id`."""

    index: int
    status: str
    key: dict[str, Any]
    errors: tuple[FieldError, ...] = ()
    is_conflict: bool = False


class BulkInvalid(Invalid):
    """All or nothing was asked for, and a row is not valid."""

    code = "bulk_rejected"


class BulkConflict(Conflict):
    """All or nothing was asked for, and the state forbids a row."""

    code = "bulk_rejected"


def rejection(index: int, error: DomainError, **key: Any) -> Outcome:
    """The outcome of a row that a rule refused."""
    errors = error.errors or (FieldError("", error.code, error.detail),)
    return Outcome(index, REJECTED, key, errors, is_conflict=isinstance(error, Conflict))


def require_all(outcomes: Sequence[Outcome]) -> None:
    """Raises `BulkInvalid` where any row is not valid, else `BulkConflict` where any was refused."""
    refused = [outcome for outcome in outcomes if outcome.status == REJECTED]
    if not refused:
        return
    errors = [
        replace(error, pointer=f"/{outcome.index}{error.pointer}") for outcome in refused for error in outcome.errors
    ]
    detail = f"{len(refused)} of {len(outcomes)} rows were refused, so none was written."
    if all(outcome.is_conflict for outcome in refused):
        raise BulkConflict(detail, errors=errors)
    raise BulkInvalid(detail, errors=errors)


class Form(Protocol):
    """What validates: a serializer of DRF's, or one that looks at what is plain first."""

    def run_validation(self, data: Any) -> dict[str, Any]:
        """The validated data. Raises DRF's `ValidationError`."""


Rows = list[tuple[int, dict[str, Any]]]


def respond(
    request: Request,
    *,
    envelope: Form,
    member: str,
    row: Form,
    apply: Callable[[Rows, bool], list[Outcome]],
) -> Response:
    """Answers a bulk: `envelope` validates the whole, `row` each of its `member`, `apply` writes the valid ones.

    `apply` is called with them, by index, and whether it is all or nothing; then one invalid row refuses the whole.
    """
    wanted = envelope.run_validation(request.data)
    valid, refused = validate_rows(wanted[member], row)
    if wanted["atomic"]:
        require_all(refused)
    return Response(answer(apply(valid, wanted["atomic"]) + refused))


def validate_rows(rows: Sequence[Any], form: Form) -> tuple[Rows, list[Outcome]]:
    """The valid rows with their indexes, and the outcomes of the others."""
    valid: Rows = []
    refused: list[Outcome] = []
    for index, row in enumerate(rows):
        try:
            valid.append((index, form.run_validation(row)))
        except serializers.ValidationError as error:
            key = {"sku": row["sku"]} if isinstance(row, dict) and isinstance(row.get("sku"), str) else {}
            refused.append(Outcome(index, REJECTED, key, tuple(field_errors(error.get_full_details()))))
    return valid, refused


def answer(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`{"results", "summary"}`, in the order of the request."""
    results = [
        {
            "index": outcome.index,
            "status": outcome.status,
            **outcome.key,
            "errors": [asdict(error) for error in outcome.errors],
        }
        for outcome in sorted(outcomes, key=lambda outcome: outcome.index)
    ]
    return {"results": results, "summary": dict(Counter(outcome.status for outcome in outcomes))}
