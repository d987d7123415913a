"""The products of PMSs, and what is decided about them, as JSON."""

from datetime import datetime
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field

from pms_backend.access.visibility import visibility_of
from pms_backend.api import serializers
from pms_backend.api.keyset import MAX_ID
from pms_integration.models import MAX_EXTERNAL_ID_LENGTH, FieldGroupOwner, PMSConnection, PMSProduct, PMSProductState
from pms_integration.services.product_pushes.publishing import MAX_PUBLISHED_PRODUCTS
from pms_integration.services.pushed_connections import MAX_PUSHED_CONNECTIONS

_CONFLICT: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {"agreed": {}, "pms": {}, "local": {}},
            "required": ["agreed", "pms", "local"],
        },
    },
}


class PMSProductSerializer(serializers.ModelSerializer[PMSProduct]):
    """A product of the PMS, and the product of ours that it is linked to."""

    connection: serializers.SlugRelatedField[PMSConnection] = serializers.SlugRelatedField(
        slug_field="slug", read_only=True
    )
    product = serializers.IntegerField(source="product_id", allow_null=True, help_text="The id of ours")
    state = serializers.ChoiceField(choices=PMSProductState.choices)
    external_id = serializers.CharField(allow_null=True, help_text="null until it is made there")
    reason = serializers.CharField(source="why", help_text="What there is to say about the state")
    conflict = serializers.SerializerMethodField(
        help_text="By group and field, such as `variants[A-1].price`: the value agreed on last, the PMS's and ours"
    )
    payload = serializers.SerializerMethodField(
        help_text="The product as the PMS told it last; null for callers without `products:write`: it may hold costs"
    )
    pulled_at = serializers.SerializerMethodField(help_text="When the PMS told it last; null until it has")

    class Meta:
        model = PMSProduct
        fields: tuple[str, ...] = (
            *("id", "connection", "external_id", "product", "state", "reason"),
            *("conflict", "payload", "pulled_at", "pushed_at"),
        )
        read_only_fields = fields

    @extend_schema_field(_CONFLICT)
    def get_conflict(self, product: PMSProduct) -> dict[str, dict[str, Any]]:
        """The fields in conflict; costs only for callers that may see them."""
        sees_cost = visibility_of(self.context["request"].auth).cost
        return {
            group: {name: values for name, values in fields.items() if sees_cost or not name.endswith(".cost")}
            for group, fields in product.conflict.items()
        }

    def get_pulled_at(self, product: PMSProduct) -> datetime | None:
        """The moment of the last report."""
        return product.updated_at if product.payload else None

    def get_payload(self, product: PMSProduct) -> dict[str, Any] | None:
        """The payload, for callers that may see costs."""
        payload: dict[str, Any] = product.payload
        return payload if visibility_of(self.context["request"].auth).cost else None


class ProductLinkSerializer(serializers.Serializer[Any]):
    """Which product of ours a product of a PMS is."""

    connection = serializers.CharField(max_length=50, help_text="Its slug")
    external_id = serializers.CharField(max_length=MAX_EXTERNAL_ID_LENGTH)
    product = serializers.IntegerField(source="product_id", min_value=1, max_value=MAX_ID, help_text="The id of ours")


_SIDES: Final = [(side.value, side.label) for side in (FieldGroupOwner.PMS, FieldGroupOwner.LOCAL)]


class ResolutionSerializer(serializers.Serializer[Any]):
    """Whose values hold where both sides have changed a field, by group; one at least."""

    content = serializers.ChoiceField(choices=_SIDES, required=False)
    price = serializers.ChoiceField(choices=_SIDES, required=False)
    publication = serializers.ChoiceField(choices=_SIDES, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuses a resolution of nothing."""
        if not attrs:
            raise serializers.ValidationError("Name a group.", code="required")
        return attrs


class ProductPublishSerializer(serializers.Serializer[Any]):
    """Which products are pushed, and to which connections."""

    products = serializers.ListField(
        source="product_ids",
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID),
        allow_empty=False,
        max_length=MAX_PUBLISHED_PRODUCTS,
        help_text="Ids of ours",
    )
    connections = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        allow_null=True,
        allow_empty=False,
        max_length=MAX_PUSHED_CONNECTIONS,
        help_text="Slugs; without it all PMSs that products are written to",
    )


class ProductPublishRequestedSerializer(serializers.Serializer[Any]):
    """What is pushed."""

    products = serializers.IntegerField(help_text="How many")
    connections = serializers.ListField(child=serializers.CharField(), help_text="Slugs")
