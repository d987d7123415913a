"""PMS events as JSON."""

from typing import Any

from pms_backend.access.visibility import visibility_of
from pms_backend.api import serializers
from pms_backend.api.moments import MomentField
from pms_integration.models import PMSConnection, PMSEvent
from pms_integration.services.retrying import RETRIABLE


class PMSEventSerializer(serializers.ModelSerializer[PMSEvent]):
    """A webhook of the PMS and what became of it."""

    connection: serializers.SlugRelatedField[PMSConnection] = serializers.SlugRelatedField(
        slug_field="slug", read_only=True
    )

    class Meta:
        model = PMSEvent
        fields: tuple[str, ...] = (
            "id", "webhook_id", "connection", "type", "status", "reason", "attempts", "received_at", "processed_at",
        )  # fmt: skip
        read_only_fields = fields


class PMSEventDetailSerializer(PMSEventSerializer):
    """A webhook of the PMS as it came, and what became of it."""

    headers = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="Those that its connector needs, in lower case"
    )
    body = serializers.SerializerMethodField(
        help_text="null once it is pruned, and for callers without `products:write`, since it may hold costs"
    )

    class Meta(PMSEventSerializer.Meta):
        fields = (*PMSEventSerializer.Meta.fields, "headers", "body")
        read_only_fields = fields

    def get_body(self, event: PMSEvent) -> str | None:
        """The text of the body."""
        sees_cost = visibility_of(self.context["request"].auth).cost
        return bytes(event.body).decode(errors="replace") if sees_cost and event.has_body else None


class RetrySerializer(serializers.Serializer[Any]):
    """Which events are tried again; without a member: all that are failed, deferred or dead."""

    connection = serializers.SlugRelatedField(
        slug_field="slug", queryset=PMSConnection.objects.all(), required=False, allow_null=True
    )
    status = serializers.ChoiceField(
        choices=[(status.value, status.label) for status in RETRIABLE], required=False, allow_null=True
    )
    since = MomentField(required=False, allow_null=True, help_text="When they were received")


class RetriedSerializer(serializers.Serializer[Any]):
    """How many events are tried again."""

    retried = serializers.IntegerField()
