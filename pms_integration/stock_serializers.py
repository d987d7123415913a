"""The stock that PMSs reported, beside ours, as JSON."""

from typing import Any

from pms_backend.api import serializers
from pms_integration.models import PMSStock
from pms_integration.services.pushed_connections import MAX_PUSHED_CONNECTIONS
from pms_integration.services.stock_pushes.requests import MAX_PUSHED_SKUS
from products.skus import MAX_SKU_LENGTH


class PMSStockSerializer(serializers.ModelSerializer[PMSStock]):
    """The stock of a SKU at a location as the PMS last told it, beside ours."""

    connection = serializers.CharField(source="connection.slug")
    sku = serializers.CharField(source="variant.sku")
    location = serializers.CharField(source="location.code")
    pms_on_hand = serializers.IntegerField(
        help_text="The PMS's latest figure, with its changes and our acknowledged ones that are later"
    )
    on_hand = serializers.IntegerField(
        source="our_on_hand", allow_null=True, help_text="Ours; null where we have no level, which is not 0"
    )
    pending = serializers.IntegerField(help_text="Our changes that the PMS has not acknowledged yet")
    difference = serializers.IntegerField(
        allow_null=True, help_text="`on_hand` - `pms_on_hand` - `pending`; null where we have no level"
    )
    error = serializers.CharField(help_text="Why the PMS has rejected our last push; empty if it has not")

    class Meta:
        model = PMSStock
        fields: tuple[str, ...] = (
            "connection", "sku", "location", "pms_on_hand", "on_hand", "pending", "difference", "reported_at",
            "error",
        )  # fmt: skip
        read_only_fields = fields


class StockPushRequestSerializer(serializers.Serializer[Any]):
    """Whose stock is pushed, and to which connections."""

    skus = serializers.ListField(
        child=serializers.CharField(max_length=MAX_SKU_LENGTH), allow_empty=False, max_length=MAX_PUSHED_SKUS
    )
    connections = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        allow_null=True,
        allow_empty=False,
        max_length=MAX_PUSHED_CONNECTIONS,
        help_text="Slugs; without it all PMSs that are told of our changes",
    )


class StockPushRequestedSerializer(serializers.Serializer[Any]):
    """What is pushed."""

    skus = serializers.IntegerField(help_text="How many")
    connections = serializers.ListField(child=serializers.CharField(), help_text="Slugs")
