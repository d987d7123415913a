"""Transfers as the API reads and shows them."""

from typing import Any

from inventory.models import (
    MAX_CODE_LENGTH,
    MAX_QUANTITY,
    MAX_REFERENCE_LENGTH,
    Reason,
    Transfer,
    TransferStatus,
)
from inventory.representation import transfer_as_dict
from inventory.services.transfer_transitions import SHORTAGE_REASONS
from inventory.services.transfers import MAX_TRANSFER_LINES
from pms_backend.api import serializers
from products.serializers import SkuField


class TransferLineSerializer(serializers.Serializer[Any]):
    """So many units of a SKU: planned, still under way, arrived, lost."""

    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    in_transit = serializers.IntegerField()
    received = serializers.IntegerField()
    lost = serializers.IntegerField()


class TransferSerializer(serializers.Serializer[Transfer]):
    """Stock on its way from one location to another."""

    id = serializers.IntegerField()
    to = serializers.CharField()
    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=TransferStatus.choices)
    lines = TransferLineSerializer(many=True)
    created_at = serializers.DateTimeField()
    shipped_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """Adds `from`, which is a keyword of Python."""
        return {"from": serializers.CharField(), **super().get_fields()}

    def to_representation(self, instance: Transfer) -> dict[str, Any]:
        """Shows it as `representation` does."""
        return transfer_as_dict(instance)


class PlannedLineSerializer(serializers.Serializer[Any]):
    """What is to be moved."""

    sku = SkuField()
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY)


class ReceivedLineSerializer(serializers.Serializer[Any]):
    """What has come."""

    sku = SkuField()
    quantity = serializers.IntegerField(min_value=0, max_value=MAX_QUANTITY)


def as_pairs(lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """The lines as (SKU, quantity)."""
    return [(line["sku"], line["quantity"]) for line in lines]


class TransferChangesSerializer(serializers.Serializer[Any]):
    """Changes of a draft; `lines` replaces all its lines."""

    lines = serializers.ListField(
        child=PlannedLineSerializer(), allow_empty=False, max_length=MAX_TRANSFER_LINES, required=False
    )
    reference = serializers.CharField(required=False, allow_blank=True, max_length=MAX_REFERENCE_LENGTH)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
        """The lines, for the service."""
        return as_pairs(lines)


class TransferInputSerializer(TransferChangesSerializer):
    """A transfer to be planned."""

    to = serializers.CharField(max_length=MAX_CODE_LENGTH, source="target")
    lines = serializers.ListField(child=PlannedLineSerializer(), allow_empty=False, max_length=MAX_TRANSFER_LINES)

    def get_fields(self) -> dict[str, Any]:
        """Adds `from`, which is a keyword of Python."""
        return {"from": serializers.CharField(max_length=MAX_CODE_LENGTH, source="source"), **super().get_fields()}


class ReceiptSerializer(serializers.Serializer[Any]):
    """The units received: without `lines`, all in transit; with a `shortage`, the other units are lost."""

    lines = serializers.ListField(child=ReceivedLineSerializer(), max_length=MAX_TRANSFER_LINES, required=False)
    shortage = serializers.ChoiceField(
        choices=[(reason.value, Reason(reason).label) for reason in SHORTAGE_REASONS], required=False
    )

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
        """The lines, for the service."""
        return as_pairs(lines)
