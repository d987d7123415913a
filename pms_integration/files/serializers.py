"""The request and the response of imports."""

from typing import Any, Final

from inventory.models import MAX_CODE_LENGTH
from pms_backend.api import serializers
from pms_integration.files.columns import Column, column_of
from pms_integration.files.limits import SHOWN_PROBLEMS
from pms_integration.models import ImportFormat, ImportJob, ImportProblem, ImportStatus

# The member of a JSON line; in a CSV file the column has several names.
COST_MEMBER: Final = "cost"


class ImportInputSerializer(serializers.Serializer[Any]):
    """A file to import; `format` only where neither its name nor its beginning says it."""

    file = serializers.FileField(max_length=255, allow_empty_file=True)
    location = serializers.CharField(required=False, allow_blank=True, max_length=MAX_CODE_LENGTH)
    format = serializers.ChoiceField(required=False, choices=ImportFormat.choices)


class ImportProblemSerializer(serializers.Serializer[Any]):
    """What was wrong with a line."""

    line = serializers.IntegerField(help_text="the first is 1, the header's")
    column = serializers.CharField(
        help_text="its name, or a pointer into a line of JSON; empty for the line as a whole"
    )
    code = serializers.CharField()
    detail = serializers.CharField()


class ImportSerializer(serializers.Serializer[Any]):
    """An import: how far it is, in lines, and what came of the products."""

    id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=ImportStatus.choices)
    error = serializers.CharField(help_text="why it has failed as a whole, else empty")
    format = serializers.ChoiceField(choices=ImportFormat.choices)
    file_name = serializers.CharField()
    location = serializers.CharField(allow_null=True)
    processed = serializers.IntegerField(help_text="lines")
    total = serializers.IntegerField(allow_null=True, help_text="lines with content; null until they are counted")
    created = serializers.IntegerField(help_text="products")
    updated = serializers.IntegerField(help_text="products")
    unchanged = serializers.IntegerField(help_text="products")
    failed = serializers.IntegerField(help_text="products, each once")
    errors = ImportProblemSerializer(many=True, help_text=f"the first {SHOWN_PROBLEMS}")  # type: ignore[assignment]
    error_count = serializers.IntegerField()
    warnings = ImportProblemSerializer(many=True, help_text=f"the first {SHOWN_PROBLEMS}")
    warning_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


_OWN: Final = (
    "id", "status", "error", "format", "file_name", "processed", "total", "created", "updated", "unchanged", "failed",
    "error_count", "warning_count", "created_at", "started_at", "finished_at",
)  # fmt: skip


def represent_import(job: ImportJob, *, with_cost: bool) -> dict[str, Any]:
    """The response that `ImportSerializer` describes, with the first problems."""
    return {
        **{name: getattr(job, name) for name in _OWN},
        "location": job.location.code if job.location else None,
        "errors": first_problems(job, is_warning=False, with_cost=with_cost),
        "warnings": first_problems(job, is_warning=True, with_cost=with_cost),
    }


def first_problems(job: ImportJob, *, is_warning: bool, with_cost: bool) -> list[dict[str, Any]]:
    """The problems in a response, in the order of the file. Details about a cost are hidden without `with_cost`."""
    problems = ImportProblem.objects.filter(job=job, is_warning=is_warning).order_by("id")
    shown = [dict(one) for one in problems.values("line", "column", "code", "detail")[:SHOWN_PROBLEMS]]
    for problem in () if with_cost else shown:
        column = str(problem["column"])
        if column_of(column) == Column.COST or column.rpartition("/")[2] == COST_MEMBER:
            problem["detail"] = "The cost is not valid."
    return shown
