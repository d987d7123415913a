"""Filters of levels, movements, reservations, transfers and stocktakes."""

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from inventory.alerts import AlertType
from inventory.models import (
    Reason,
    Reservation,
    ReservationLine,
    ReservationQuerySet,
    ReservationStatus,
    StockLevel,
    StockLevelQuerySet,
    StocktakeLine,
    StocktakeStatus,
    TransferStatus,
)
from pms_backend.api.filters import BooleanFilter, MomentFilter
from products.skus import as_sku_key


class SkuFilter(django_filters.CharFilter):
    """By SKU, regardless of case; a text that is not a valid SKU matches nothing."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Filters by the variant with this SKU."""
        if not value:
            return qs
        key = as_sku_key(value)
        return qs.none() if key is None else qs.filter(**{f"{self.field_name}__sku_key": key})


class LevelFilter(django_filters.FilterSet):
    """`sku`, `location`, `below_reorder_point`, `updated_after`."""

    sku = SkuFilter(field_name="variant")
    location = django_filters.CharFilter(field_name="location__code")
    below_reorder_point = BooleanFilter(method="filter_below_reorder_point")
    updated_after = MomentFilter(field_name="updated_at", lookup_expr="gt")

    def filter_below_reorder_point(
        self,
        queryset: StockLevelQuerySet,
        _name: str,
        wanted: bool,  # noqa: FBT001 - django-filter's signature
    ) -> QuerySet[StockLevel]:
        """Levels at or below their reorder point, or the others."""
        return queryset.below_reorder_point() if wanted else queryset.filter(is_low=False)


class AlertFilter(django_filters.FilterSet):
    """`type`, `sku`, `location`."""

    type = django_filters.ChoiceFilter(choices=AlertType.choices, method="filter_type")
    sku = SkuFilter(field_name="variant")
    location = django_filters.CharFilter(field_name="location__code")

    def filter_type(self, queryset: StockLevelQuerySet, _name: str, wanted: str) -> QuerySet[StockLevel]:
        """Levels with this type of alert."""
        return queryset.below_reorder_point() if wanted == AlertType.LOW else queryset.oversold()


class MovementFilter(django_filters.FilterSet):
    """`sku`, `location`, `reason`, `reference`, and the moments between which it happened: `since`, `until`."""

    sku = SkuFilter(field_name="level__variant")
    location = django_filters.CharFilter(field_name="level__location__code")
    reason = django_filters.ChoiceFilter(choices=Reason.choices)
    reference = django_filters.CharFilter()
    since = MomentFilter(field_name="occurred_at", lookup_expr="gte")
    until = MomentFilter(field_name="occurred_at", lookup_expr="lte")


class ReservationFilter(django_filters.FilterSet):
    """`reference`, `status`, `sku`."""

    reference = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=ReservationStatus.choices, method="filter_status")
    sku = django_filters.CharFilter(method="filter_sku")

    def filter_status(self, queryset: ReservationQuerySet, _name: str, status: str) -> QuerySet[Reservation]:
        """Reservations with this status, as the API shows it."""
        return queryset.shown_as(status)

    def filter_sku(self, queryset: ReservationQuerySet, _name: str, sku: str) -> QuerySet[Reservation]:
        """Reservations with a line of this SKU; a text that is not a valid SKU matches nothing."""
        key = as_sku_key(sku)
        lines = ReservationLine.objects.filter(reservation=OuterRef("pk"), level__variant__sku_key=key)
        return queryset.none() if key is None else queryset.filter(Exists(lines))


class TransferFilter(django_filters.FilterSet):
    """`status`, `from`, `to`, `reference`, `sku`."""

    status = django_filters.ChoiceFilter(choices=TransferStatus.choices)
    to = django_filters.CharFilter(field_name="target__code")
    reference = django_filters.CharFilter()
    sku = SkuFilter(field_name="lines__variant")

    @classmethod
    def get_filters(cls) -> Any:
        """Adds `from`, which is a keyword of Python."""
        return {**super().get_filters(), "from": django_filters.CharFilter(field_name="source__code")}


class StocktakeFilter(django_filters.FilterSet):
    """`location`, `status`."""

    location = django_filters.CharFilter(field_name="location__code")
    status = django_filters.ChoiceFilter(choices=StocktakeStatus.choices)


class StocktakeLineFilter(django_filters.FilterSet):
    """`sku`, `counted` (or still to be counted), `differs`."""

    sku = SkuFilter(field_name="variant")
    counted = BooleanFilter(field_name="counted", lookup_expr="isnull", exclude=True)
    differs = BooleanFilter(method="filter_differs")

    def filter_differs(
        self,
        queryset: QuerySet[StocktakeLine],
        _name: str,
        wanted: bool,  # noqa: FBT001 - django-filter's signature
    ) -> QuerySet[StocktakeLine]:
        """Lines whose count differs from the ledger, or those whose count does not."""
        differing = Q(variance__gt=0) | Q(variance__lt=0)
        return queryset.filter(differing if wanted else Q(variance=0))
