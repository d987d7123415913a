"""Stock as the API reads and shows it."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from inventory.exceptions import ReferenceMissing
from inventory.models import (
    ADJUSTMENT_REASONS,
    CODE_VALIDATOR,
    MAX_CODE_LENGTH,
    MAX_NOTE_LENGTH,
    MAX_QUANTITY,
    MAX_REFERENCE_LENGTH,
    Location,
    Reason,
    StockLevel,
    StockMovement,
)
from inventory.representation import level_as_dict, movement_as_dict
from inventory.services.bulk import MAX_BULK_ROWS
from pms_backend.api import serializers
from pms_backend.api.bulk import RowField
from pms_backend.api.moments import MomentField
from products.serializers import SkuField

MAX_VERSION = 2**63 - 1


class LocationSerializer(serializers.ModelSerializer[Location]):
    """A place that holds stock."""

    class Meta:
        model = Location
        fields = ("code", "name", "priority", "is_active", "address")
        # Without DRF's check for uniqueness: a code that is taken is a conflict, which the service raises.
        extra_kwargs = {"code": {"validators": [CODE_VALIDATOR]}}


class LevelSerializer(serializers.Serializer[StockLevel]):
    """How much of a SKU is at a location."""

    sku = serializers.CharField()
    location = serializers.CharField()
    on_hand = serializers.IntegerField()
    reserved = serializers.IntegerField()
    incoming = serializers.IntegerField()
    available = serializers.IntegerField()
    version = serializers.IntegerField()
    reorder_point = serializers.IntegerField(allow_null=True)
    backorder_limit = serializers.IntegerField()
    is_oversold = serializers.BooleanField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: StockLevel) -> dict[str, Any]:
        """Shows it as `representation` does."""
        return level_as_dict(instance)


class MovementSerializer(serializers.Serializer[StockMovement]):
    """A line of the ledger."""

    id = serializers.IntegerField()
    sku = serializers.CharField()
    location = serializers.CharField()
    reason = serializers.ChoiceField(choices=Reason.choices)
    delta = serializers.IntegerField()
    on_hand_after = serializers.IntegerField()
    note = serializers.CharField()
    reference = serializers.CharField()
    actor = serializers.CharField()
    request_id = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    reverses = serializers.IntegerField(allow_null=True, help_text="the movement that this one takes back")
    reversed_by = serializers.IntegerField(allow_null=True, help_text="the movement that takes this one back")

    def to_representation(self, instance: StockMovement) -> dict[str, Any]:
        """Shows it as `representation` does."""
        return movement_as_dict(instance)


class ReversalSerializer(serializers.Serializer[Any]):
    """Why a movement is reversed."""

    note = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTE_LENGTH)


class TotalsSerializer(serializers.Serializer[Any]):
    """Sums over locations."""

    on_hand = serializers.IntegerField()
    reserved = serializers.IntegerField()
    incoming = serializers.IntegerField()
    available = serializers.IntegerField()


class SkuLevelsSerializer(serializers.Serializer[Any]):
    """The stock of a SKU, for each location and in total."""

    sku = serializers.CharField()
    levels = LevelSerializer(many=True)
    totals = TotalsSerializer()


class PastMomentSerializer(serializers.Serializer[Any]):
    """A moment of the past, in a query."""

    at = MomentField(required=False, help_text="a moment of the past, RFC 3339")

    def validate_at(self, at: datetime) -> datetime:
        """Refuses the future."""
        if at > timezone.now():
            raise serializers.ValidationError("This moment is still to come.", code="in_the_future")
        return at


class PastLevelSerializer(serializers.Serializer[Any]):
    """What was on hand at a location."""

    location = serializers.CharField()
    on_hand = serializers.IntegerField()


class PastTotalsSerializer(serializers.Serializer[Any]):
    """The sum over locations."""

    on_hand = serializers.IntegerField()


class PastLevelsSerializer(serializers.Serializer[Any]):
    """The units of a SKU that were on hand at a moment, for each location and in total."""

    sku = serializers.CharField()
    at = serializers.DateTimeField()
    levels = PastLevelSerializer(many=True)
    totals = PastTotalsSerializer()


class LimitsSerializer(serializers.Serializer[Any]):
    """What may be set of a level without moving stock."""

    reorder_point = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=MAX_QUANTITY)
    backorder_limit = serializers.IntegerField(required=False, min_value=0, max_value=MAX_QUANTITY)


class PlaceSerializer(serializers.Serializer[Any]):
    """Where something changes."""

    sku = SkuField()
    location = serializers.CharField(max_length=MAX_CODE_LENGTH)
    note = serializers.CharField(required=False, allow_blank=True, max_length=MAX_NOTE_LENGTH)


class AdjustmentSerializer(PlaceSerializer):
    """A relative change."""

    delta = serializers.IntegerField(min_value=-MAX_QUANTITY, max_value=MAX_QUANTITY, help_text="not 0")
    reason = serializers.ChoiceField(choices=[(reason.value, reason.label) for reason in ADJUSTMENT_REASONS])
    reference = serializers.CharField(required=False, allow_blank=True, max_length=MAX_REFERENCE_LENGTH)
    expected_version = serializers.IntegerField(required=False, min_value=0, max_value=MAX_VERSION)
    dedupe = serializers.BooleanField(
        required=False, help_text="(reference, SKU, location, reason) acts once; needs a reference"
    )

    def validate_delta(self, delta: int) -> int:
        """Refuses 0."""
        if delta == 0:
            raise serializers.ValidationError("A change of 0 is none.", code="invalid_quantity")
        return delta

    def validate(self, adjustment: dict[str, Any]) -> dict[str, Any]:
        """Requires a reference for `dedupe`."""
        if adjustment.get("dedupe") and not adjustment.get("reference"):
            raise serializers.ValidationError({"reference": ReferenceMissing().detail}, code=ReferenceMissing.code)
        return adjustment


class CountSerializer(PlaceSerializer):
    """An absolute figure, counted just now."""

    on_hand = serializers.IntegerField(min_value=0, max_value=MAX_QUANTITY)
    expected_on_hand = serializers.IntegerField(required=False, min_value=-MAX_VERSION, max_value=MAX_VERSION)


class BulkAdjustmentsSerializer(serializers.Serializer[Any]):
    """Up to 10,000 adjustments; each row is validated by itself."""

    adjustments = serializers.ListField(
        child=RowField(row=AdjustmentSerializer), allow_empty=False, max_length=MAX_BULK_ROWS
    )
    atomic = serializers.BooleanField(default=False)


class BulkCountsSerializer(serializers.Serializer[Any]):
    """Up to 10,000 counts; each row is validated by itself."""

    counts = serializers.ListField(child=RowField(row=CountSerializer), allow_empty=False, max_length=MAX_BULK_ROWS)
    atomic = serializers.BooleanField(default=False)


class StockChangeSerializer(serializers.Serializer[Any]):
    """What a change came to."""

    movement = MovementSerializer(allow_null=True)
    level = LevelSerializer()
