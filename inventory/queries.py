"""What count sheets come to, in SQL: the figures that no line holds."""

from django.db.models import BigIntegerField, Case, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from inventory.models import MAX_STOCKTAKE_LINES, StockLevel, StockMovement, Stocktake, StocktakeLine, StocktakeStatus


def with_variance(lines: QuerySet[StocktakeLine]) -> QuerySet[StocktakeLine]:
    """The lines with `variance`: what was counted, less what the ledger gives for its moment.

    Null where nothing was counted, and where a figure of a later moment makes the count void. Of a posted sheet it is
    what posting has changed.
    """
    level = StockLevel.objects.filter(variant_id=OuterRef("variant_id"), location_id=OuterRef("stocktake__location_id"))
    later = StockMovement.objects.filter(
        level__variant_id=OuterRef("variant_id"),
        level__location_id=OuterRef("stocktake__location_id"),
        occurred_at__gt=OuterRef("counted_at"),
    )
    on_hand = Coalesce(Subquery(level.values("on_hand")), 0)
    moved = Coalesce(Subquery(later.order_by().values("level_id").annotate(total=Sum("delta")).values("total")), 0)
    is_void = Exists(level.filter(counted_at__gt=OuterRef("counted_at")))
    variance = Case(
        When(stocktake__status=StocktakeStatus.POSTED, then=F("posted_delta")),
        When(Q(counted__isnull=True) | is_void, then=None),
        default=F("counted") - on_hand + moved,
        output_field=BigIntegerField(null=True),
    )
    return lines.annotate(variance=variance)


def summary_of(stocktake: Stocktake) -> dict[str, int]:
    """How many lines there are, counted, differing and void ones, and how many units are over and short."""
    # Behind a LIMIT the variance is worked out once a line, else once for each total that names it (tried: four times
    # as fast).
    lines = with_variance(StocktakeLine.objects.filter(stocktake=stocktake))[:MAX_STOCKTAKE_LINES]
    totals: dict[str, int] = lines.aggregate(
        lines=Count("pk"),
        # Before the total of the same name, which would be meant otherwise.
        superseded=Count("counted", filter=Q(variance__isnull=True)),
        counted=Count("counted"),
        differing=Count("pk", filter=Q(variance__gt=0) | Q(variance__lt=0)),
        units_over=Coalesce(Sum("variance", filter=Q(variance__gt=0)), 0, output_field=BigIntegerField()),
        units_short=Coalesce(-Sum("variance", filter=Q(variance__lt=0)), 0, output_field=BigIntegerField()),
    )
    return totals
