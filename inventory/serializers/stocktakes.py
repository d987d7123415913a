"""Count sheets as the API reads and shows them."""

from typing import Any, Final

from inventory.models import (
    MAX_CODE_LENGTH,
    MAX_NOTE_LENGTH,
    MAX_QUANTITY,
    MAX_STOCKTAKE_LINES,
    Stocktake,
    StocktakeLine,
    StocktakeStatus,
)
from inventory.queries import with_variance
from inventory.representation import stocktake_as_dict, stocktake_line_as_dict, stocktake_with_summary
from inventory.services.stocktakes import MAX_COUNTS, StocktakeCount
from pms_backend.api import serializers
from pms_backend.api.moments import MomentField
from products.serializers import SkuField

# The lines of a longer sheet are read by pages.
MAX_SHOWN_LINES: Final = 1_000


class StocktakeLineSerializer(serializers.Serializer[StocktakeLine]):
    """What was expected and what was counted of a SKU; `variance` is the count less what the ledger had then."""

    sku = serializers.CharField()
    expected = serializers.IntegerField()
    counted = serializers.IntegerField(allow_null=True)
    counted_at = serializers.DateTimeField(allow_null=True)
    variance = serializers.IntegerField(allow_null=True)

    def to_representation(self, instance: StocktakeLine) -> dict[str, Any]:
        """Shows it as `representation` does."""
        return stocktake_line_as_dict(instance)


class StocktakeSummarySerializer(serializers.Serializer[Any]):
    """Lines in all, counted ones, ones that differ, ones that a later figure makes void; units over and short."""

    lines = serializers.IntegerField()
    counted = serializers.IntegerField()
    differing = serializers.IntegerField()
    units_over = serializers.IntegerField()
    units_short = serializers.IntegerField()
    superseded = serializers.IntegerField()


class StocktakeSerializer(serializers.Serializer[Stocktake]):
    """A count sheet, as a list shows it."""

    id = serializers.IntegerField()
    location = serializers.CharField()
    status = serializers.ChoiceField(choices=StocktakeStatus.choices)
    is_blind = serializers.BooleanField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Stocktake) -> dict[str, Any]:
        """Shows the sheet without its summary."""
        return stocktake_as_dict(instance)


class StocktakeDetailSerializer(StocktakeSerializer):
    """A count sheet with what it comes to; `lines` is null where there are more than 1,000."""

    summary = StocktakeSummarySerializer()
    lines = StocktakeLineSerializer(many=True, allow_null=True)

    def to_representation(self, instance: Stocktake) -> dict[str, Any]:
        """Shows it as `representation` does, with its lines."""
        shown = stocktake_with_summary(instance)
        if shown["summary"]["lines"] > MAX_SHOWN_LINES:
            return {**shown, "lines": None}
        lines = with_variance(instance.lines.select_related("variant").order_by("pk"))
        return {**shown, "lines": [stocktake_line_as_dict(line) for line in lines]}


class StocktakeInputSerializer(serializers.Serializer[Any]):
    """A count sheet to be made: of all that has a level at the location, or of the named SKUs."""

    location = serializers.CharField(max_length=MAX_CODE_LENGTH)
    skus = serializers.ListField(child=SkuField(), required=False, allow_empty=False, max_length=MAX_STOCKTAKE_LINES)
    note = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTE_LENGTH)
    is_blind = serializers.BooleanField(required=False)


class StocktakeCountSerializer(serializers.Serializer[Any]):
    """What was counted of a SKU, and when (just now, where it is not said); null takes a count back."""

    sku = SkuField()
    counted = serializers.IntegerField(min_value=0, max_value=MAX_QUANTITY, allow_null=True)
    counted_at = MomentField(required=False)


class StocktakeCountsSerializer(serializers.Serializer[Any]):
    """What was counted since the last time."""

    lines = serializers.ListField(child=StocktakeCountSerializer(), allow_empty=False, max_length=MAX_COUNTS)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[StocktakeCount]:
        """The lines, for the service."""
        return [StocktakeCount(**line) for line in lines]
