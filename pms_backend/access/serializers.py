"""API clients and the audit log in JSON."""

from datetime import timedelta
from typing import Any

from pms_backend.access.models import ApiClient, AuditEntry
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import DEFAULT_OVERLAP, MAX_OVERLAP
from pms_backend.access.visibility import visibility_of, visible_changes
from pms_backend.api import serializers
from pms_backend.api.moments import MomentField


class ApiClientSerializer(serializers.ModelSerializer[ApiClient]):
    """A client, without its secrets."""

    id = serializers.CharField(source="public_id", read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(max_length=40), max_length=len(ALL_SCOPES))
    tier = serializers.CharField(max_length=40, required=False)
    state = serializers.ChoiceField(choices=["active", "expired", "revoked"], read_only=True)
    expires_at = MomentField(required=False, allow_null=True)
    signing_key_ids = serializers.SerializerMethodField()

    class Meta:
        model = ApiClient
        fields: tuple[str, ...] = (
            *("id", "name", "scopes", "tier", "state", "expires_at", "last_used_at"),
            *("signing_key_ids", "created_at", "revoked_at"),
        )
        read_only_fields = ("last_used_at", "created_at", "revoked_at")

    def get_signing_key_ids(self, client: ApiClient) -> list[str]:
        """The keys with which it may sign; where there are any, it must."""
        return [key.key_id for key in client.signing_keys.all() if not key.has_expired]


class NewApiClientSerializer(ApiClientSerializer):
    """A client to be made."""

    signing = serializers.BooleanField(default=False, write_only=True, help_text="It must sign its writes (RFC 9421).")

    class Meta(ApiClientSerializer.Meta):
        fields = (*ApiClientSerializer.Meta.fields, "signing")


class CredentialsSerializer(ApiClientSerializer):
    """A client with its new secrets, which are shown this once."""

    api_key = serializers.CharField(read_only=True)
    signing_key_id = serializers.CharField(read_only=True, allow_null=True)
    signing_key = serializers.CharField(read_only=True, allow_null=True)

    class Meta(ApiClientSerializer.Meta):
        fields = (*ApiClientSerializer.Meta.fields, "api_key", "signing_key_id", "signing_key")


class RotationSerializer(serializers.Serializer[Any]):
    """How long the keys before the new ones stay good."""

    overlap_seconds = serializers.IntegerField(
        min_value=0,
        max_value=int(MAX_OVERLAP.total_seconds()),
        default=int(DEFAULT_OVERLAP.total_seconds()),
        help_text="0 ends them at once.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """As the service takes it."""
        return {"overlap": timedelta(seconds=attrs["overlap_seconds"])}


class FieldChangeSerializer(serializers.Serializer[Any]):
    """A field that was changed."""

    field = serializers.CharField(help_text="`name`, `variants[SKU].price`")
    to = serializers.JSONField(help_text="null where there is nothing any more; long ones are cut.")

    def get_fields(self) -> dict[str, Any]:
        """With `from`, which Python reserves."""
        before = serializers.JSONField(help_text="null where there was nothing; long ones are cut.")
        fields = super().get_fields()
        return {"field": fields["field"], "from": before, "to": fields["to"]}


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """Who did what; changes of cost are for those who see cost."""

    id = serializers.CharField(source="pk", read_only=True)
    changes = FieldChangeSerializer(many=True)

    class Meta:
        model = AuditEntry
        fields: tuple[str, ...] = (
            *("id", "occurred_at", "actor", "door", "action", "subject", "name", "changes"),
            *("request_id", "detail"),
        )

    def to_representation(self, instance: AuditEntry) -> dict[str, Any]:
        """Without the changes that the caller may not see."""
        with_cost = visibility_of(self.context["request"].auth).cost
        return {**super().to_representation(instance), "changes": visible_changes(instance, with_cost=with_cost)}


class HistoryEntrySerializer(AuditEntrySerializer):
    """Who changed what of one thing."""

    class Meta(AuditEntrySerializer.Meta):
        fields = ("id", "occurred_at", "actor", "door", "action", "name", "changes", "detail", "request_id")


class SocketTicketSerializer(serializers.Serializer[Any]):
    """What opens one socket."""

    ticket = serializers.CharField(help_text="For `?ticket=`; once")
    expires_at = serializers.DateTimeField()
