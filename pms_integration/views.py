"""`/api/v1/pms/`."""

from django.db.models import Count
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import GenericViewSet
from pms_integration import services
from pms_integration.filters import PMSEventFilter
from pms_integration.models import PMSEvent
from pms_integration.serializers import PMSEventSerializer


class PMSEventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[PMSEvent]):
    """What the PMS sent, and what became of it."""

    queryset = PMSEvent.objects.select_related("connection").defer("body")
    serializer_class = PMSEventSerializer
    filterset_class = PMSEventFilter
    required_scopes = read_write("pms")
    lookup_value_regex = r"[0-9]{1,18}"

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
