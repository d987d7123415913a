"""Filters of `/api/v1/access/`."""

import django_filters

from pms_backend.access.models import ApiClient, AuditEntry
from pms_backend.api.filters import MomentFilter


class ApiClientFilter(django_filters.FilterSet):
    """Clients by name and tier."""

    class Meta:
        model = ApiClient
        fields = ("name", "tier")


class AuditFilter(django_filters.FilterSet):
    """The audit log by actor, door, action, subject, request and time."""

    since = MomentFilter(field_name="occurred_at", lookup_expr="gte")

    class Meta:
        model = AuditEntry
        fields = ("actor", "door", "action", "subject", "request_id")
