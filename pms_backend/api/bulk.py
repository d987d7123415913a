"""Bulk requests: each row is applied by itself, or all rows or none (`atomic`)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from django.utils.translation import gettext as _
from drf_spectacular.drainage import set_override
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.api import serializers
from pms_backend.api.exceptions import Conflict, DomainError, Invalid, field_errors
from pms_backend.api.problems import FieldError

REJECTED = "rejected"


# Not frozen, since a bulk has up to 10,000: `__init__` of a frozen one takes three times as long.
@dataclass(slots=True)
class Outcome:
    """The result of one row; `key` holds its `sku` or `id`, `error` the domain error that refused it."""

    index: int
    status: str
    key: dict[str, Any]
    errors: tuple[FieldError, ...] = ()
    error: DomainError | None = None


class BulkInvalid(Invalid, code="bulk_rejected"):
    """The request is atomic, and a row is not valid."""


class BulkConflict(Conflict, code="bulk_rejected"):
    """The request is atomic, and the present state forbids a row."""


def rejection(index: int, error: DomainError, **key: Any) -> Outcome:
    """The outcome of a row that a domain error refused."""
    errors = error.errors or (FieldError("", error.code, error.detail),)
    return Outcome(index, REJECTED, key, errors, error)


def require_all(outcomes: Sequence[Outcome]) -> None:
    """Raises `BulkConflict` if rows were refused by conflicts only, `BulkInvalid` if any was refused otherwise."""
    refused = [outcome for outcome in outcomes if outcome.status == REJECTED]
    if not refused:
        return
    errors = [
        replace(error, pointer=f"/{outcome.index}{error.pointer}") for outcome in refused for error in outcome.errors
    ]
    text = _("%(refused)s of %(all)s rows were refused, so none was written.")
    detail = text % {"refused": len(refused), "all": len(outcomes)}
    if all(isinstance(outcome.error, Conflict) for outcome in refused):
        raise BulkConflict(detail, errors=errors)
    raise BulkInvalid(detail, errors=errors)


class RowField(serializers.DictField):
    """Any object. `row` describes it in the OpenAPI document, and validates it later, each row by itself."""

    def __init__(self, *, row: type[serializers.Serializer[Any]]) -> None:
        super().__init__()
        set_override(self, "field", row)


class Validator(Protocol):
    """A DRF serializer, or a `FastValidator`."""

    def run_validation(self, data: Any) -> dict[str, Any]:
        """The validated data. Raises DRF's `ValidationError`."""


Rows = list[tuple[int, dict[str, Any]]]


def respond(
    request: Request,
    *,
    envelope: Validator,
    member: str,
    row: Validator,
    apply: Callable[[Rows, bool], list[Outcome]],
) -> Response:
    """Handles a bulk request: `envelope` validates the body, `row` each row in `member`, `apply` writes the valid ones.

    `apply` gets (index, row) pairs and whether the request is atomic. An atomic request with an invalid row is refused.
    """
    validated = envelope.run_validation(request.data)
    valid, refused = validate_rows(validated[member], row)
    if validated["atomic"]:
        require_all(refused)
    return Response(result_body(apply(valid, validated["atomic"]) + refused))


def validate_rows(rows: Sequence[Any], validator: Validator) -> tuple[Rows, list[Outcome]]:
    """The valid rows with their indexes, and the outcomes of the invalid ones."""
    valid: Rows = []
    refused: list[Outcome] = []
    for index, row in enumerate(rows):
        try:
            valid.append((index, validator.run_validation(row)))
        except serializers.ValidationError as error:
            key = {"sku": row["sku"]} if isinstance(row, dict) and isinstance(row.get("sku"), str) else {}
            refused.append(Outcome(index, REJECTED, key, tuple(field_errors(error.get_full_details()))))
    return valid, refused


def result_body(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """`{"results", "summary"}`, in the order of the request."""
    results = [
        {
            "index": outcome.index,
            "status": outcome.status,
            **outcome.key,
            "errors": [asdict(error) for error in outcome.errors] if outcome.errors else [],
        }
        for outcome in sorted(outcomes, key=lambda outcome: outcome.index)
    ]
    return {"results": results, "summary": dict(Counter(outcome.status for outcome in outcomes))}
