"""`/api/v1/pms/`."""

from django.db.models import Count, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.validation import validated
from pms_integration import services
from pms_integration.filters import PMSEventFilter
from pms_integration.models import PMSEvent
from pms_integration.serializers import (
    PMSEventDetailSerializer,
    PMSEventSerializer,
    RetriedSerializer,
    RetrySerializer,
)


class PMSEventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[PMSEvent]):
    """What the PMS sent, and what became of it."""

    queryset = PMSEvent.objects.select_related("connection")
    filterset_class = PMSEventFilter
    required_scopes = read_write("pms")
    lookup_value_regex = r"[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[PMSEvent]:
        """The events, in lists without their bodies."""
        events: QuerySet[PMSEvent] = super().get_queryset()
        return events if self.action == "retrieve" else events.defer("headers", "body")

    def get_serializer_class(self) -> type[PMSEventSerializer]:
        """With headers and body for a single event."""
        return PMSEventDetailSerializer if self.action == "retrieve" else PMSEventSerializer

    @extend_schema(responses={200: {"type": "object", "additionalProperties": {"type": "integer"}}})
    @action(detail=False, pagination_class=None)
    def summary(self, request: Request) -> Response:
        """How many events are in which state."""
        events = self.filter_queryset(self.get_queryset()).order_by()
        return Response({row["status"]: row["count"] for row in events.values("status").annotate(count=Count("id"))})

    @extend_schema(request=None, responses=PMSEventSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Tries a failed, deferred or dead event again, now."""
        return Response(PMSEventSerializer(services.retry_event(event_id=int(pk))).data)

    @extend_schema(
        operation_id="v1_pms_events_retry_many", request=RetrySerializer, responses=RetriedSerializer, filters=False
    )
    @action(detail=False, methods=["post"], url_path="retry", pagination_class=None)
    def retry_many(self, request: Request) -> Response:
        """Tries all failed, deferred and dead events again, now; or those of a connection, a status, since a moment."""
        return Response({"retried": services.retry_events(**validated(RetrySerializer, request.data))})
