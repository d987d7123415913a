"""Filters of deliveries."""

from typing import Final

import django_filters
from django.db.models import QuerySet

from pms_backend.api.filters import IdFilter
from webhooks.models import Delivery, DeliveryStatus

# Of an id, which is less than 2**63.
MAX_DIGITS: Final = 18


class DeliveryFilter(django_filters.FilterSet):
    """`endpoint`, `status`, and `event`, by its id in the feed."""

    endpoint = IdFilter(field_name="endpoint_id")
    status = django_filters.ChoiceFilter(choices=DeliveryStatus.choices)
    event = django_filters.CharFilter(method="filter_event")

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = ()

    def filter_event(self, queryset: QuerySet[Delivery], _name: str, wanted: str) -> QuerySet[Delivery]:
        """The deliveries of an event; none for what is no id of one."""
        number = wanted.removeprefix("evt_")
        is_id = wanted.startswith("evt_") and number.isascii() and number.isdecimal() and len(number) <= MAX_DIGITS
        return queryset.filter(event_id=int(number)) if is_id else queryset.none()
