"""Reads that add up the ledger: the variances of count sheets, and the stock at a moment of the past."""

from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from inventory.models import MAX_STOCKTAKE_LINES, StockLevel, StockMovement, Stocktake, StocktakeLine, StocktakeStatus
from products.models import Variant


def with_variance(lines: QuerySet[StocktakeLine]) -> QuerySet[StocktakeLine]:
    """The lines with `variance`: what was counted, less what the ledger gives for its moment.

    It is null where nothing was counted, and where a later count of the level supersedes this one. On a posted sheet it
    is the change that posting has made.
    """
    level = StockLevel.objects.filter(variant_id=OuterRef("variant_id"), location_id=OuterRef("stocktake__location_id"))
    later = StockMovement.objects.filter(
        level__variant_id=OuterRef("variant_id"),
        level__location_id=OuterRef("stocktake__location_id"),
        occurred_at__gt=OuterRef("counted_at"),
    )
    on_hand = Coalesce(Subquery(level.values("on_hand")), 0)
    moved = Coalesce(Subquery(later.order_by().values("level_id").annotate(total=Sum("delta")).values("total")), 0)
    is_superseded = Exists(level.filter(counted_at__gt=OuterRef("counted_at")))
    variance = Case(
        When(stocktake__status=StocktakeStatus.POSTED, then=F("posted_delta")),
        When(Q(counted__isnull=True) | is_superseded, then=None),
        default=F("counted") - on_hand + moved,
        output_field=BigIntegerField(null=True),
    )
    return lines.annotate(variance=variance)


def summary_of(stocktake: Stocktake) -> dict[str, int]:
    """The numbers of lines: all, counted, differing, superseded; and of units over and short."""
    # With a LIMIT the variance is computed once a line, without it once for each total (measured: four times as fast).
    lines = with_variance(StocktakeLine.objects.filter(stocktake=stocktake))[:MAX_STOCKTAKE_LINES]
    totals: dict[str, int] = lines.aggregate(
        lines=Count("pk"),
        # Stands before the total `counted`, which would hide the column.
        superseded=Count("counted", filter=Q(variance__isnull=True)),
        counted=Count("counted"),
        differing=Count("pk", filter=Q(variance__gt=0) | Q(variance__lt=0)),
        units_over=Coalesce(Sum("variance", filter=Q(variance__gt=0)), 0, output_field=BigIntegerField()),
        units_short=Coalesce(-Sum("variance", filter=Q(variance__lt=0)), 0, output_field=BigIntegerField()),
    )
    return totals


def on_hand_at(variant: Variant, moment: datetime) -> dict[str, Any]:
    """The units of a SKU on hand at `moment`, by location and in all, as they are known now.

    That is the sum of the movements with a moment up to then, whenever they were written. Past values of
    `reserved` and `incoming` are not recorded.
    """
    sums = StockLevel.objects.filter(variant=variant).order_by("location__code").values_list("location__code")
    then = sums.annotate(sum=Sum("movements__delta", filter=Q(movements__occurred_at__lte=moment), default=0))
    levels = [{"location": code, "on_hand": int(on_hand)} for code, on_hand in then]
    total = sum(level["on_hand"] for level in levels)
    return {"sku": variant.sku, "at": moment, "levels": levels, "totals": {"on_hand": total}}
