"""PMS events as JSON."""

from pms_backend.api import serializers
from pms_integration.models import PMSConnection, PMSEvent


class PMSEventSerializer(serializers.ModelSerializer[PMSEvent]):
    """A webhook of the PMS and what became of it."""

    connection: serializers.SlugRelatedField[PMSConnection] = serializers.SlugRelatedField(
        slug_field="slug", read_only=True
    )

    class Meta:
        model = PMSEvent
        fields = (
            "id", "webhook_id", "connection", "type", "status", "reason", "attempts", "received_at", "processed_at",
        )  # fmt: skip
        read_only_fields = fields
