"""Reservations as the API reads and shows them."""

from typing import Any

from inventory.models import (
    MAX_CODE_LENGTH,
    MAX_QUANTITY,
    MAX_REFERENCE_LENGTH,
    Reservation,
    ReservationStatus,
)
from inventory.representation import reservation_as_dict
from inventory.services.reservation_requests import (
    DEFAULT_EXPIRES_IN_SECONDS,
    MAX_EXPIRES_IN_SECONDS,
    MAX_RESERVATION_LINES,
    MIN_EXPIRES_IN_SECONDS,
)
from pms_backend.api import serializers
from products.serializers import SkuField


class ReservationLineSerializer(serializers.Serializer[Any]):
    """So many units at a location, and how many of them are sold."""

    sku = serializers.CharField()
    location = serializers.CharField()
    quantity = serializers.IntegerField()
    committed = serializers.IntegerField()


class ReservationSerializer(serializers.Serializer[Reservation]):
    """Stock that is promised for a while."""

    id = serializers.IntegerField()
    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=ReservationStatus.choices)
    expires_at = serializers.DateTimeField()
    lines = ReservationLineSerializer(many=True)

    def to_representation(self, instance: Reservation) -> dict[str, Any]:
        """Shows it as `representation` does."""
        return reservation_as_dict(instance)


class CommittedLineSerializer(serializers.Serializer[Any]):
    """So many units of a SKU."""

    sku = SkuField()
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY)


class RequestedLineSerializer(CommittedLineSerializer):
    """So many units of a SKU, at one location alone or wherever they are."""

    location = serializers.CharField(required=False, allow_null=True, max_length=MAX_CODE_LENGTH)


class ExpirySerializer(serializers.Serializer[Any]):
    """How long stock is held."""

    expires_in = serializers.IntegerField(
        default=DEFAULT_EXPIRES_IN_SECONDS,
        min_value=MIN_EXPIRES_IN_SECONDS,
        max_value=MAX_EXPIRES_IN_SECONDS,
        help_text="seconds",
    )


class ReservationRequestSerializer(ExpirySerializer):
    """What is to be reserved, all of it or nothing."""

    reference = serializers.CharField(
        max_length=MAX_REFERENCE_LENGTH, help_text="one reservation among your active and committed ones"
    )
    lines = RequestedLineSerializer(many=True, allow_empty=False, max_length=MAX_RESERVATION_LINES)  # type: ignore[call-arg]  # the list's


class CommitSerializer(serializers.Serializer[Any]):
    """What is sold; without lines all that is reserved."""

    lines = CommittedLineSerializer(  # type: ignore[call-arg]  # the list's
        many=True, required=False, allow_empty=False, max_length=MAX_RESERVATION_LINES
    )
