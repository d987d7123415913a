"""Alerts as the API shows them."""

from typing import Any

from inventory.alerts import MAX_RESERVATIONS_AT_STAKE, AlertType, alert_as_dict
from inventory.models import StockLevel
from inventory.serializers.stock import LevelSerializer
from pms_backend.api import serializers


class ReservationAtStakeSerializer(serializers.Serializer[Any]):
    """What a reservation holds of a level of which more is promised than there is."""

    id = serializers.IntegerField()
    reference = serializers.CharField()
    client = serializers.CharField()
    quantity = serializers.IntegerField(help_text="what it holds of this level")
    expires_at = serializers.DateTimeField()


class AlertSerializer(serializers.Serializer[StockLevel]):
    """A level about which somebody has to do something."""

    types = serializers.ListField(child=serializers.ChoiceField(choices=AlertType.choices))
    level = LevelSerializer()
    reservations = ReservationAtStakeSerializer(
        many=True, help_text=f"of an oversold level, the last {MAX_RESERVATIONS_AT_STAKE}"
    )

    def to_representation(self, instance: StockLevel) -> dict[str, Any]:
        """Shows the level as an alert."""
        return alert_as_dict(instance)
