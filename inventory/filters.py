"""Filters of levels and movements."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from inventory.alerts import AlertType
from inventory.models import Reason, StockLevel, StockLevelQuerySet, StockMovement
from pms_backend.api.filters import BooleanFilter
from products.skus import as_sku_key


class SkuFilter(django_filters.CharFilter):
    """By SKU, regardless of case; what is no SKU matches nothing."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Those of the variant with this SKU."""
        if not value:
            return qs
        key = as_sku_key(value)
        return qs.none() if key is None else qs.filter(**{f"{self.field_name}__sku_key": key})


class LevelFilter(django_filters.FilterSet):
    """`sku`, `location`, `below_reorder_point`, `updated_after`."""

    sku = SkuFilter(field_name="variant")
    location = django_filters.CharFilter(field_name="location__code")
    below_reorder_point = BooleanFilter(method="filter_below_reorder_point")
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gt")

    class Meta:
        model = StockLevel
        fields: tuple[str, ...] = ()

    def filter_below_reorder_point(
        self,
        queryset: StockLevelQuerySet,
        _name: str,
        wanted: bool,  # noqa: FBT001 - django-filter's signature
    ) -> QuerySet[StockLevel]:
        """Levels of which no more is available than their reorder point, or the others."""
        return queryset.below_reorder_point() if wanted else queryset.filter(is_low=False)


class AlertFilter(django_filters.FilterSet):
    """`type`, `sku`, `location`."""

    type = django_filters.ChoiceFilter(choices=AlertType.choices, method="filter_type")
    sku = SkuFilter(field_name="variant")
    location = django_filters.CharFilter(field_name="location__code")

    class Meta:
        model = StockLevel
        fields: tuple[str, ...] = ()

    def filter_type(self, queryset: StockLevelQuerySet, _name: str, wanted: str) -> QuerySet[StockLevel]:
        """Those of one kind."""
        return queryset.below_reorder_point() if wanted == AlertType.LOW else queryset.oversold()


class MovementFilter(django_filters.FilterSet):
    """`sku`, `location`, `reason`, `reference`, and the moments between which it happened: `since`, `until`."""

    sku = SkuFilter(field_name="level__variant")
    location = django_filters.CharFilter(field_name="level__location__code")
    reason = django_filters.ChoiceFilter(choices=Reason.choices)
    reference = django_filters.CharFilter()
    since = django_filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    until = django_filters.IsoDateTimeFilter(field_name="occurred_at", lookup_expr="lte")

    class Meta:
        model = StockMovement
        fields: tuple[str, ...] = ()
