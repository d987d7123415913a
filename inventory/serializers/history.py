"""Stock at a moment of the past."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from pms_backend.api import serializers
from pms_backend.api.moments import MomentField


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
    """What was on hand of a SKU at a moment, place by place and in all."""

    sku = serializers.CharField()
    at = serializers.DateTimeField()
    levels = PastLevelSerializer(many=True)
    totals = PastTotalsSerializer()
