"""The request and the responses of imports."""

from typing import Any, Final

from django.db.models import QuerySet

from inventory.models import MAX_CODE_LENGTH
from pms_backend.access.serializers import FieldChangeSerializer
from pms_backend.access.services import MAX_CHANGES
from pms_backend.api import serializers
from pms_integration.files.columns import Column, column_of
from pms_integration.files.field_values import QUANTITY
from pms_integration.files.limits import SHOWN_PROBLEMS
from pms_integration.models import ImportAction, ImportFormat, ImportJob, ImportProblem, ImportResult, ImportStatus

# The member of a JSON line; in a CSV file the column has several names.
COST_MEMBER: Final = "cost"


class FormBooleanField(serializers.BooleanField):
    """True or false in a multipart form, where everything is text."""

    def to_internal_value(self, data: Any) -> bool:
        """The value."""
        return super().to_internal_value({"true": True, "false": False}.get(str(data).lower(), data))


class ImportInputSerializer(serializers.Serializer[Any]):
    """A file to import; `format` only where neither its name nor its beginning says it."""

    file = serializers.FileField(max_length=255, allow_empty_file=True)
    location = serializers.CharField(required=False, allow_blank=True, max_length=MAX_CODE_LENGTH)
    format = serializers.ChoiceField(required=False, choices=ImportFormat.choices)
    dry_run = FormBooleanField(required=False, help_text="a preview: says what would happen, and writes nothing")


class ImportProblemSerializer(serializers.Serializer[Any]):
    """What was wrong with a line."""

    line = serializers.IntegerField(help_text="the first is 1, the header's")
    column = serializers.CharField(
        help_text="its name, or a pointer into a line of JSON; empty for the line as a whole"
    )
    code = serializers.CharField()
    detail = serializers.CharField()


class ImportSerializer(serializers.Serializer[Any]):
    """An import: how far it is, in lines, and what came of the products, or with `dry_run` would come of them."""

    id = serializers.IntegerField()
    dry_run = serializers.BooleanField(help_text="whether it is a preview")
    preview = serializers.IntegerField(allow_null=True, help_text="the preview after which it was started")
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


class ImportResultSerializer(serializers.Serializer[Any]):
    """What an import did with a product, or would do."""

    line = serializers.IntegerField(help_text="its first line; the header is 1")
    action = serializers.ChoiceField(choices=ImportAction.choices)
    product = serializers.IntegerField(allow_null=True, source="product_id", help_text="null if there is none")
    handle = serializers.CharField()
    sku = serializers.CharField(help_text="of the first variant")
    changes = FieldChangeSerializer(many=True, help_text=f"the first {MAX_CHANGES}; of a new product the main values")
    change_count = serializers.IntegerField()

    def to_representation(self, instance: ImportResult) -> dict[str, Any]:
        """Without the changes that the caller may not see, by `with_cost` and `with_stock` in the context."""
        shown = shown_changes(instance, **{name: self.context[name] for name in ("with_cost", "with_stock")})
        hidden_count = len(instance.changes) - len(shown)
        counted = {"changes": shown, "change_count": instance.change_count - hidden_count}
        return {**super().to_representation(instance), **counted}


_OWN: Final = (
    "id", "dry_run", "status", "error", "format", "file_name", "processed", "total", "created", "updated", "unchanged",
    "failed", "error_count", "warning_count", "created_at", "started_at", "finished_at",
)  # fmt: skip


def represent_import(job: ImportJob, *, with_cost: bool) -> dict[str, Any]:
    """The response that `ImportSerializer` describes, with the first problems."""
    return {
        **{name: getattr(job, name) for name in _OWN},
        "preview": job.preview_id,
        "location": job.location.code if job.location else None,
        "errors": first_problems(job, is_warning=False, with_cost=with_cost),
        "warnings": first_problems(job, is_warning=True, with_cost=with_cost),
    }


def first_problems(job: ImportJob, *, is_warning: bool, with_cost: bool) -> list[dict[str, Any]]:
    """The problems in a response, in the order of the file."""
    problems = problems_of(job, is_warning=is_warning)[:SHOWN_PROBLEMS]
    return [shown_problem(problem, with_cost=with_cost) for problem in problems]


def problems_of(job: ImportJob, *, is_warning: bool) -> QuerySet[ImportProblem]:
    """The errors or the warnings of an import, in the order of the file."""
    return ImportProblem.objects.filter(job=job, is_warning=is_warning).order_by("id")


def shown_problem(problem: ImportProblem, *, with_cost: bool) -> dict[str, Any]:
    """A problem in a response. Details about a cost are hidden without `with_cost`."""
    column = problem.column
    is_of_cost = column_of(column) == Column.COST or column.rpartition("/")[2] == COST_MEMBER
    detail = "The cost is not valid." if is_of_cost and not with_cost else problem.detail
    return {"line": problem.line, "column": column, "code": problem.code, "detail": detail}


def shown_changes(result: ImportResult, *, with_cost: bool, with_stock: bool) -> list[dict[str, Any]]:
    """The changes of a result, without costs and quantities that the reader may not see."""
    hidden = {name for name, is_shown in ((COST_MEMBER, with_cost), (QUANTITY, with_stock)) if not is_shown}
    # PostgreSQL keeps an object's members in an order of its own.
    return [
        {name: change[name] for name in ("field", "from", "to")}
        for change in result.changes
        if change["field"].rpartition("].")[2] not in hidden
    ]
