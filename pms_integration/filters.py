"""Filters of PMS events, of sync runs and of what they find."""

import django_filters

from pms_integration.models import (
    PMSEvent,
    PMSEventStatus,
    SyncAction,
    SyncDifference,
    SyncResource,
    SyncRun,
    SyncStatus,
)


class PMSEventFilter(django_filters.FilterSet):
    """`connection`, `status`, `type`."""

    connection = django_filters.CharFilter(field_name="connection__slug")
    status = django_filters.ChoiceFilter(choices=PMSEventStatus.choices)
    type = django_filters.CharFilter()

    class Meta:
        model = PMSEvent
        fields: tuple[str, ...] = ()


class SyncRunFilter(django_filters.FilterSet):
    """`connection`, `status`."""

    connection = django_filters.CharFilter(field_name="connection__slug")
    status = django_filters.ChoiceFilter(choices=SyncStatus.choices)

    class Meta:
        model = SyncRun
        fields: tuple[str, ...] = ()


class SyncDifferenceFilter(django_filters.FilterSet):
    """`resource`, `action`, `sku`, `external_id`."""

    resource = django_filters.ChoiceFilter(choices=SyncResource.choices)
    action = django_filters.ChoiceFilter(choices=SyncAction.choices)
    sku = django_filters.CharFilter()
    external_id = django_filters.CharFilter()

    class Meta:
        model = SyncDifference
        fields: tuple[str, ...] = ()
