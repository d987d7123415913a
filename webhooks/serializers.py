"""Endpoints and deliveries as JSON."""

from datetime import datetime
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field

from pms_backend.api import serializers
from pms_backend.api.moments import parse_moment
from webhooks.models import (
    MAX_DESCRIPTION_LENGTH,
    MAX_EVENT_TYPES,
    MAX_TYPE_LENGTH,
    MAX_URL_LENGTH,
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    WebhookEndpoint,
)
from webhooks.services.endpoints import MAX_HEADER_LENGTH

MAX_SEQUENCE: Final = 2**63 - 1


class EndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """A subscriber's endpoint, without its secret and its headers."""

    url = serializers.CharField(max_length=MAX_URL_LENGTH)
    description = serializers.CharField(required=False, allow_blank=True, max_length=MAX_DESCRIPTION_LENGTH)
    event_types = serializers.ListField(
        child=serializers.CharField(max_length=MAX_TYPE_LENGTH),
        allow_empty=False,
        max_length=MAX_EVENT_TYPES,
        help_text="Types, or their beginning: `stock.*`, `*`",
    )
    headers = serializers.DictField(
        child=serializers.CharField(max_length=MAX_HEADER_LENGTH, allow_null=True, trim_whitespace=False),
        required=False,
        allow_null=True,
        write_only=True,
        help_text="Sent with each webhook. A member that is null is removed; with another `url` all are forgotten",
    )
    is_active = serializers.BooleanField(required=False)

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            *("id", "url", "description", "event_types", "headers"),
            *("is_active", "disabled_reason", "disabled_at"),
        )
        read_only_fields = ("id", "disabled_reason", "disabled_at")


class EndpointSecretSerializer(EndpointSerializer):
    """A subscriber's endpoint with a secret that was just made."""

    secret = serializers.CharField(read_only=True, help_text="Shown once")

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")


class EndpointRotationSerializer(serializers.Serializer[Any]):
    """When the secret before the new one ends."""

    at_once = serializers.BooleanField(default=False, help_text="Only the new one signs, from now on")


class EnableSerializer(serializers.Serializer[Any]):
    """Whether the events since it was disabled are sent."""

    replay = serializers.BooleanField(default=False)


@extend_schema_field({"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "format": "date-time"}]})
class SequenceOrMomentField(serializers.Field[Any, Any, Any, Any]):
    """A sequence of the feed, or a moment."""

    default_error_messages = {"invalid": "This is neither a sequence of the feed nor a moment in RFC 3339."}

    def to_internal_value(self, data: Any) -> int | datetime:
        """The sequence or the moment."""
        if isinstance(data, int) and not isinstance(data, bool) and 1 <= data <= MAX_SEQUENCE:
            return data
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return parse_moment(data)
        except ValueError:
            self.fail("invalid")

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class ReplaySerializer(serializers.Serializer[Any]):
    """The events of which period are sent once more; both ends are included."""

    since = SequenceOrMomentField()
    until = SequenceOrMomentField(required=False, allow_null=True, help_text="Without it: until now")


class ReplayedSerializer(serializers.Serializer[Any]):
    """How many events are sent once more."""

    events = serializers.IntegerField()


class AttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    """An attempt: the status of the answer and its beginning, or why there was none."""

    status = serializers.IntegerField(allow_null=True)

    class Meta:
        model = DeliveryAttempt
        fields: tuple[str, ...] = ("at", "status", "ms", "answer", "error")
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """An event on its way to an endpoint."""

    endpoint = serializers.IntegerField(source="endpoint_id")
    event = serializers.CharField(source="event_public_id", help_text="Its id in the feed, and the `webhook-id`")
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Delivery
        fields: tuple[str, ...] = (
            *("id", "endpoint", "event", "type", "sequence", "status", "attempts", "next_attempt_at"),
        )
        read_only_fields = fields
