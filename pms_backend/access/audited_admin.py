"""Django's own admin pages, whose changes stand in the audit log too."""

from typing import TYPE_CHECKING, Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from pms_backend.access.services import record_audit

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base = ModelAdmin[Any]
else:
    Base = object


class AuditedAdmin(Base):
    """Writes down what Django's log is told: in the same transaction, for good."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """A new row."""
        _record("created", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """A changed row, and which of its fields."""
        _record("changed", obj, changes=message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Rows that are about to go."""
        for row in queryset:
            _record("deleted", row)
        return super().log_deletions(request, queryset)


def _record(what: str, row: Model, **detail: Any) -> None:
    kind = row._meta.model_name
    record_audit(action=f"{kind}.{what}", subject=f"{kind}:{row.pk}", name=str(row), **detail)
