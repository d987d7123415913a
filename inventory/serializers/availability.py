"""The request and the response of availability."""

from typing import Any

from inventory.availability import MAX_AVAILABILITY_LOCATIONS, MAX_AVAILABILITY_SKUS
from inventory.models import MAX_CODE_LENGTH
from pms_backend.api import serializers
from products.serializers import SkuField


class AvailabilityQuestionSerializer(serializers.Serializer[Any]):
    """The SKUs, and the locations that count; without them all active ones do."""

    skus = serializers.ListField(child=SkuField(), allow_empty=False, max_length=MAX_AVAILABILITY_SKUS)
    locations = serializers.ListField(
        child=serializers.CharField(max_length=MAX_CODE_LENGTH),
        allow_empty=False,
        max_length=MAX_AVAILABILITY_LOCATIONS,
        required=False,
        help_text="one that is closed or unknown adds nothing",
    )


class AvailableSerializer(serializers.Serializer[Any]):
    """What can still be promised of a SKU."""

    sku = serializers.CharField()
    available = serializers.IntegerField(help_text="in all; to storefronts not below 0")
    locations = serializers.DictField(child=serializers.IntegerField(), help_text="by code, where there is a level")


class AvailabilitySerializer(serializers.Serializer[Any]):
    """The SKUs in the order of the question, each once, and those that there are not."""

    results = AvailableSerializer(many=True)
    unknown = serializers.ListField(child=serializers.CharField())
