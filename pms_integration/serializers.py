"""PMS events and connections as JSON."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field

from inventory.models import MAX_CODE_LENGTH
from pms_backend.access.visibility import visibility_of
from pms_backend.api import serializers
from pms_backend.api.moments import MomentField
from pms_backend.outbound.circuit import CircuitStatus
from pms_integration.connectors.outgoing import ExternalLocation
from pms_integration.models import (
    MAX_BASE_URL_LENGTH,
    MAX_EXTERNAL_ID_LENGTH,
    STANDARD,
    FieldGroupOwner,
    PMSConnection,
    PMSEvent,
    PMSLocation,
    PublishMode,
    StockOwner,
    SyncAction,
    SyncDifference,
    SyncMode,
    SyncResource,
    SyncRun,
    SyncStatus,
)
from pms_integration.services.connection_settings import MAX_PUBLISHED_VALUES
from pms_integration.services.connections import MAX_SECRET_LENGTH, MIN_SECRET_LENGTH
from pms_integration.services.location_mappings import MAX_MAPPED_LOCATIONS, LocationMapping
from pms_integration.services.outgoing import MAX_CREDENTIAL_LENGTH
from pms_integration.services.questions import ConnectionCheck
from pms_integration.services.refused_webhooks import WebhookRefusal, refused_webhooks
from pms_integration.services.retrying import RETRIABLE
from pms_integration.services.sync.limits import MAX_ERRORS
from products.models import MAX_NAME_LENGTH, MAX_TAG_LENGTH


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


_SECRET: Final[dict[str, Any]] = {
    "required": False, "min_length": MIN_SECRET_LENGTH, "max_length": MAX_SECRET_LENGTH,
}  # fmt: skip


class MappedLocationSerializer(serializers.Serializer[PMSLocation]):
    """A location of ours and its id in the PMS."""

    may_leave_out = ()
    location = serializers.CharField(source="location_code", max_length=MAX_CODE_LENGTH, help_text="Our code of it")
    external_id = serializers.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    owns_stock = serializers.BooleanField(default=False, help_text="Whether the PMS's figures are the truth there")


class FieldGroupsSerializer(serializers.Serializer[Any]):
    """Who owns which fields of the products."""

    may_leave_out = ()

    content = serializers.ChoiceField(choices=FieldGroupOwner.choices, required=False)
    price = serializers.ChoiceField(choices=FieldGroupOwner.choices, required=False)
    publication = serializers.ChoiceField(choices=FieldGroupOwner.choices, required=False)


class PublishesSerializer(serializers.Serializer[Any]):
    """Which active products are made at a PMS that does not have them; of each list that is not empty, one value."""

    may_leave_out = ()

    mode = serializers.ChoiceField(
        choices=PublishMode.choices, required=False, help_text="`manual`: those that `/pms/products/publish/` names"
    )
    categories = serializers.ListField(
        child=serializers.CharField(max_length=MAX_NAME_LENGTH),
        required=False,
        max_length=MAX_PUBLISHED_VALUES,
        help_text="Slugs, without those below them",
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=MAX_TAG_LENGTH), required=False, max_length=MAX_PUBLISHED_VALUES
    )
    brands = serializers.ListField(
        child=serializers.CharField(max_length=MAX_NAME_LENGTH), required=False, max_length=MAX_PUBLISHED_VALUES
    )


_REASONS: Final = [reason.value for reason in WebhookRefusal]


# drf-spectacular leaves the null out where a field is an enum itself; to this one it adds it.
@extend_schema_field({"oneOf": [{"type": "string", "enum": _REASONS}]})
class _LastReasonField(serializers.ChoiceField):
    """Why the last one was refused, if any was."""


class RefusedWebhooksSerializer(serializers.Serializer[Any]):
    """The webhooks of a PMS that were refused in the last 24 hours: a hint, which a restart of Redis may take away."""

    count_24h = serializers.IntegerField()
    last_at = serializers.DateTimeField(allow_null=True)
    last_reason = _LastReasonField(choices=_REASONS, allow_null=True)


class ConnectionStateSerializer(serializers.Serializer[PMSConnection]):
    """What came of the calls to the PMS, and of its webhooks that were refused."""

    circuit = serializers.ChoiceField(choices=[status.value for status in CircuitStatus])
    last_contact_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField(help_text="Empty if the last call had its answer")
    next_try_at = serializers.DateTimeField(allow_null=True)
    refused_webhooks = serializers.SerializerMethodField()

    @extend_schema_field(RefusedWebhooksSerializer)
    def get_refused_webhooks(self, connection: PMSConnection) -> dict[str, Any]:
        """Those of this connection; all are read once for a list."""
        root: Any = self.root
        if not hasattr(root, "refused"):
            root.refused = refused_webhooks()
        refused = root.refused.get(connection.slug)
        if refused is None:
            return {"count_24h": 0, "last_at": None, "last_reason": None}
        shown = {"count_24h": refused.count, "last_at": refused.last_at, "last_reason": refused.last_reason}
        return dict(RefusedWebhooksSerializer(shown).data)


class PMSConnectionSerializer(serializers.ModelSerializer[PMSConnection]):
    """A connected PMS, without its secrets."""

    # Without DRF's check for uniqueness: a slug that is taken is a conflict, which the service raises.
    slug = serializers.SlugField(max_length=50, help_text="Does not change")
    kind = serializers.CharField(max_length=50, default=STANDARD, help_text="Does not change")
    base_url = serializers.CharField(
        max_length=MAX_BASE_URL_LENGTH, required=False, allow_null=True, help_text="null: it only sends webhooks"
    )
    credentials = serializers.DictField(
        child=serializers.CharField(max_length=MAX_CREDENTIAL_LENGTH, allow_null=True, trim_whitespace=False),
        required=False,
        allow_null=True,
        write_only=True,
        help_text="A member that is null is removed; with another scheme, host or port all are forgotten",
    )
    is_paused = serializers.BooleanField(required=False, help_text="Nothing is pushed")
    ownership = FieldGroupsSerializer(
        required=False, help_text="A member that is left out stays, and is `pms` at first"
    )
    locations = MappedLocationSerializer(  # type: ignore[call-arg]  # the list's
        many=True, required=False, max_length=MAX_MAPPED_LOCATIONS, help_text="A list replaces all mappings"
    )
    publishes = PublishesSerializer(required=False, help_text="A member that is left out stays")
    state = ConnectionStateSerializer(source="*", read_only=True)

    class Meta:
        model = PMSConnection
        fields: tuple[str, ...] = (
            *("slug", "name", "kind", "base_url", "credentials", "is_active", "is_paused"),
            *("ownership", "locations", "publishes", "sync_every_seconds", "state"),
        )

    def validate_locations(self, value: list[dict[str, Any]]) -> list[LocationMapping]:
        """As the service takes them."""
        return [LocationMapping(**row) for row in value]


class PMSConnectionSecretSerializer(PMSConnectionSerializer):
    """A connected PMS, with its secret where the PMS has made it (input) or it was made here (output)."""

    may_leave_out = ("secret",)
    secret = serializers.CharField(**_SECRET, help_text="Shown once; not shown if the request has it")

    class Meta(PMSConnectionSerializer.Meta):
        fields = (*PMSConnectionSerializer.Meta.fields, "secret")


class SecretRotationSerializer(serializers.Serializer[Any]):
    """Which secret follows, and when the one before ends."""

    at_once = serializers.BooleanField(default=False, help_text="Refuses the present secret at once")
    secret = serializers.CharField(**_SECRET, help_text="If the PMS has made it")


class OwnershipSerializer(serializers.Serializer[Any]):
    """Who owns the stock of a location from now on, and whose quantities it has at first."""

    location = serializers.CharField(max_length=MAX_CODE_LENGTH, help_text="Our code of it")
    owner = serializers.ChoiceField(choices=StockOwner.choices)
    opening = serializers.ChoiceField(choices=StockOwner.choices)


class ConnectionCheckSerializer(serializers.Serializer[ConnectionCheck]):
    """Whether a PMS answers."""

    ok = serializers.BooleanField()
    detail = serializers.CharField(help_text="The name of the PMS, or what is wrong")
    capabilities = serializers.DictField(allow_null=True, help_text="What its kind can do")
    webhooks = serializers.ChoiceField(
        choices=["ok", "missing", "unsupported"],
        help_text="Whether the PMS sends them to us; unsupported if it cannot be asked, or did not answer",
    )
    ms = serializers.IntegerField()


class ExternalLocationSerializer(serializers.Serializer[ExternalLocation]):
    """A location that a PMS lists."""

    external_id = serializers.CharField()
    name = serializers.CharField()


class ExternalLocationsSerializer(serializers.Serializer[Any]):
    """The locations that a PMS lists."""

    is_supported = serializers.BooleanField(help_text="Whether the PMS has such a list")
    results = ExternalLocationSerializer(many=True)


class SyncStartSerializer(serializers.Serializer[Any]):
    """What a sync run asks the PMS for."""

    mode = serializers.ChoiceField(
        choices=SyncMode.choices, help_text="`incremental`: what has changed since the last run that has finished"
    )
    resources = serializers.ListField(
        child=serializers.ChoiceField(choices=SyncResource.choices),
        allow_empty=False,
        max_length=len(SyncResource),
        default=list(SyncResource),
    )
    dry_run = serializers.BooleanField(default=False, help_text="Only finds the differences")


class SyncErrorSerializer(serializers.Serializer[Any]):
    """Why an entry was not applied, or, without a resource, why the run has failed."""

    resource = serializers.ChoiceField(choices=SyncResource.choices, allow_blank=True)
    external_id = serializers.CharField(help_text="The PMS's id of the product, or empty")
    sku = serializers.CharField(help_text="Of the stock, or empty")
    detail = serializers.CharField()


class SyncRunSerializer(serializers.ModelSerializer[SyncRun]):
    """A sync run: how far it is, in entries of the PMS's lists, and what came of them."""

    connection: serializers.SlugRelatedField[PMSConnection] = serializers.SlugRelatedField(
        slug_field="slug", read_only=True
    )
    mode = serializers.ChoiceField(choices=SyncMode.choices)
    resources = serializers.ListField(child=serializers.ChoiceField(choices=SyncResource.choices))
    status = serializers.ChoiceField(choices=SyncStatus.choices)
    total = serializers.IntegerField(allow_null=True, help_text="What is listed by now; null until a page has come")
    held_because = serializers.CharField(help_text="What it would take away; stays when the run is confirmed")
    errors = SyncErrorSerializer(many=True, help_text=f"The first {MAX_ERRORS}")  # type: ignore[assignment]

    class Meta:
        model = SyncRun
        fields: tuple[str, ...] = (
            *("id", "connection", "mode", "resources", "dry_run", "status", "processed", "total"),
            *("created", "updated", "unchanged", "failed", "archived", "held_because", "errors"),
            *("started_at", "finished_at"),
        )
        read_only_fields = fields


class SyncDifferenceSerializer(serializers.ModelSerializer[SyncDifference]):
    """A difference between the PMS and us, and what the run does about it."""

    resource = serializers.ChoiceField(choices=SyncResource.choices)
    field = serializers.CharField(help_text="Such as `name` or `variants[A-1].price`; empty for the product as a whole")
    pms = serializers.JSONField(help_text="The value there, of a whole product its name")
    local = serializers.JSONField(help_text="The value here, of a product that is linked its id")
    action = serializers.ChoiceField(choices=SyncAction.choices)

    class Meta:
        model = SyncDifference
        fields: tuple[str, ...] = (
            "resource", "external_id", "sku", "field", "pms", "local", "action", "detail",
        )  # fmt: skip
        read_only_fields = fields
