"""Django's own admin pages, with their changes in the audit log too."""

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
    """Writes to the audit log what Django's admin log gets, in the same transaction."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Logs a new row."""
        _record("created", obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Logs a changed row with the names of its changed fields."""
        _record("changed", obj, changes=message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """Logs rows before they are deleted."""
        for row in queryset:
            _record("deleted", row)
        return super().log_deletions(request, queryset)


def _record(what: str, row: Model, **detail: Any) -> None:
    kind = row._meta.model_name
    record_audit(action=f"{kind}.{what}", subject=f"{kind}:{row.pk}", name=str(row), **detail)
