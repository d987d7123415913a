"""Filters of PMS events."""

import django_filters

from pms_integration.models import PMSEvent, PMSEventStatus


class PMSEventFilter(django_filters.FilterSet):
    """`connection`, `status`, `type`."""

    connection = django_filters.CharFilter(field_name="connection__slug")
    status = django_filters.ChoiceFilter(choices=PMSEventStatus.choices)
    type = django_filters.CharFilter()

    class Meta:
        model = PMSEvent
        fields: tuple[str, ...] = ()
