"""Serializers of the feed."""

from typing import Any

from drf_spectacular.utils import extend_schema_field

from pms_backend.api import serializers
from pms_backend.events.models import Event

MAX_FEED_LIMIT = 500
DEFAULT_FEED_LIMIT = 100


@extend_schema_field({"type": "object", "additionalProperties": {}})
class PayloadField(serializers.JSONField):
    """An object, shown as it was recorded."""


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event of the feed."""

    id = serializers.CharField(source="public_id", read_only=True)
    sequence = serializers.IntegerField(read_only=True)
    data = PayloadField(read_only=True, help_text="By its type, as docs/events.md describes it")  # type: ignore[assignment]  # the member's name

    class Meta:
        model = Event
        fields = ("sequence", "id", "type", "occurred_at", "subject", "actor", "request_id", "data")


class FeedQuerySerializer(serializers.Serializer[Any]):
    """Query parameters of the feed."""

    after = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2**63 - 1,
        help_text="The last sequence seen; left out, the feed begins with the oldest event that is kept",
    )
    types = serializers.CharField(
        required=False, allow_blank=True, help_text="Comma-separated types; `stock.*` for all of a kind"
    )
    subject = serializers.CharField(required=False, allow_blank=True)
    limit = serializers.IntegerField(default=DEFAULT_FEED_LIMIT, min_value=1, max_value=MAX_FEED_LIMIT)


class FeedSerializer(serializers.Serializer[Any]):
    """A piece of the feed."""

    results = EventSerializer(many=True)
    next_after = serializers.IntegerField(help_text="Ask for what is after this next time")
    has_more = serializers.BooleanField()
