"""Filters of PMS events, of the results of imports, of sync runs and of what they find, and of reported stock."""

import django_filters
from django.db.models import QuerySet

from inventory.filters import SkuFilter
from pms_backend.api.filters import BooleanFilter, IdFilter
from pms_integration.models import (
    ImportAction,
    ImportResult,
    PMSEvent,
    PMSEventStatus,
    PMSProduct,
    PMSProductState,
    PMSStock,
    SyncAction,
    SyncDifference,
    SyncResource,
    SyncRun,
    SyncStatus,
)
from pms_integration.queries import AGREEING, DIFFERING


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


class ImportResultFilter(django_filters.FilterSet):
    """`action`."""

    action = django_filters.ChoiceFilter(choices=ImportAction.choices)

    class Meta:
        model = ImportResult
        fields: tuple[str, ...] = ()


class PMSProductFilter(django_filters.FilterSet):
    """`product`, `connection`, `state`."""

    product = IdFilter(field_name="product_id")
    connection = django_filters.CharFilter(field_name="connection__slug")
    state = django_filters.ChoiceFilter(choices=PMSProductState.choices)

    class Meta:
        model = PMSProduct
        fields: tuple[str, ...] = ()


class PMSStockFilter(django_filters.FilterSet):
    """`connection`, `sku`, `location`, `differs`."""

    connection = django_filters.CharFilter(field_name="connection__slug")
    sku = SkuFilter(field_name="variant")
    location = django_filters.CharFilter(field_name="location__code")
    differs = BooleanFilter(method="filter_differs")

    class Meta:
        model = PMSStock
        fields: tuple[str, ...] = ()

    def filter_differs(
        self,
        queryset: QuerySet[PMSStock],
        _name: str,
        wanted: bool,  # noqa: FBT001 - django-filter's signature
    ) -> QuerySet[PMSStock]:
        """What differs, or what agrees; where we have no level, it is neither."""
        return queryset.filter(DIFFERING if wanted else AGREEING)
