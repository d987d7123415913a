"""`/api/v1/pms/`."""

from typing import Any

from django.db.models import Count, Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import GenericViewSet, ListAPIView
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.validation import validated
from pms_integration import services
from pms_integration.filters import PMSEventFilter, SyncDifferenceFilter, SyncRunFilter
from pms_integration.models import PMSConnection, PMSEvent, PMSLocation, SyncDifference, SyncRun
from pms_integration.serializers import (
    ConnectionCheckSerializer,
    ExternalLocationsSerializer,
    OwnershipSerializer,
    PMSConnectionSecretSerializer,
    PMSConnectionSerializer,
    PMSEventDetailSerializer,
    PMSEventSerializer,
    RetriedSerializer,
    RetrySerializer,
    SecretRotationSerializer,
    SyncDifferenceSerializer,
    SyncRunSerializer,
    SyncStartSerializer,
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


class PMSConnectionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[PMSConnection]):
    """The connected PMSs."""

    queryset = PMSConnection.objects.prefetch_related(
        Prefetch("locations", PMSLocation.objects.select_related("location").order_by("location__code"))
    )
    serializer_class = PMSConnectionSerializer
    ordering = "slug"
    required_scopes = read_write("pms")
    # The answers carry a secret, of which no copy is kept.
    supports_idempotency = {"create": False, "rotate_secret": False}
    parser_classes = (JSONParser, MergePatchParser)
    lookup_field = "slug"
    lookup_value_regex = r"[-a-zA-Z0-9_]{1,50}"
    may_answer = {409: "state conflict"}

    def prepare(self, request: Request, **kwargs: Any) -> Any:
        """Checks the base URL of a write, and makes the calls of a test: neither happens in a transaction."""
        if self.action == "test":
            address = request.build_absolute_uri(reverse("pms-webhook", kwargs=kwargs))
            return services.check_connection(**kwargs, webhook_url=address)
        if self.action not in ("create", "partial_update"):
            return None
        of_new = self.action == "create"
        serializer_class = PMSConnectionSecretSerializer if of_new else PMSConnectionSerializer
        serializer = serializer_class(data=request.data, partial=not of_new)
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        if values.get("base_url") is not None:
            values["base_url"] = services.check_base_url(values["base_url"])
        return values

    @extend_schema(request=PMSConnectionSecretSerializer, responses={201: PMSConnectionSecretSerializer})
    def create(self, request: Request) -> Response:
        """Creates a connection. The secret that is made for it is in this answer only."""
        values = self.prepared()
        connection = services.create_configured_connection(values=values)
        return self._shown_once(connection, "" if "secret" in values else connection.secret, status=201)

    def partial_update(self, request: Request, slug: str) -> Response:
        """Changes a connection. A list of locations replaces all mappings; slug and kind do not change."""
        return self._shown(services.update_connection(slug=slug, values=self.prepared()))

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, slug: str) -> Response:
        """Deletes a connection from which nothing came. Any other is made inactive: `is_active` false."""
        services.delete_connection(slug=slug)
        return Response(status=204)

    @extend_schema(request=SecretRotationSerializer, responses=PMSConnectionSecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, slug: str) -> Response:
        """Gives the connection another secret. The one before is valid for 24 hours more, unless it ends at once."""
        values = validated(SecretRotationSerializer, request.data)
        connection = self.get_object()
        secret = services.rotate_secret(connection_id=connection.pk, **values)
        return self._shown_once(connection, "" if "secret" in values else secret)

    @extend_schema(request=None, responses=PMSConnectionSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, slug: str) -> Response:
        """Lets nothing be pushed to the PMS."""
        return self._shown(services.update_connection(slug=slug, values={"is_paused": True}))

    @extend_schema(request=None, responses=PMSConnectionSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, slug: str) -> Response:
        """Lets changes be pushed to the PMS again."""
        return self._shown(services.update_connection(slug=slug, values={"is_paused": False}))

    @extend_schema(request=None, responses=ConnectionCheckSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, slug: str) -> Response:
        """Calls the PMS and says what came of it: 200 also if the PMS fails, or has no base URL.

        503 `pms_busy` while it is being asked already, or two other PMSs are.
        """
        return Response(ConnectionCheckSerializer(self.prepared()).data)

    @extend_schema(responses=ExternalLocationsSerializer)
    @action(detail=True, pagination_class=None)
    def locations(self, request: Request, slug: str) -> Response:
        """The locations that the PMS lists. 409 if this PMS is not called, 503 if it does not answer, or as `test`."""
        listed = services.ask_for_locations(slug=slug)
        shown = {"is_supported": listed is not None, "results": listed or ()}
        return Response(ExternalLocationsSerializer(shown).data)

    @extend_schema(request=OwnershipSerializer, responses=PMSConnectionSerializer)
    @action(detail=True, methods=["post"])
    def ownership(self, request: Request, slug: str) -> Response:
        """Changes who owns the stock of a location, and takes the quantities of one side.

        With the opening `pms` each level gets what the PMS has by its latest figure; without a figure it stays. With
        `local` the quantities stay, and figures that were kept for comparison are forgotten where the PMS becomes the
        owner. Nothing of it is pushed.
        """
        return self._shown(services.change_ownership(slug=slug, **validated(OwnershipSerializer, request.data)))

    @extend_schema(request=SyncStartSerializer, responses={202: SyncRunSerializer})
    @action(detail=True, methods=["post"])
    def sync(self, request: Request, slug: str) -> Response:
        """Starts a sync run, which goes on in the background. 409 `sync_running` if another one has not ended."""
        run = services.start_sync(slug=slug, **validated(SyncStartSerializer, request.data))
        return Response(SyncRunSerializer(run).data, status=202)

    def _shown(self, connection: PMSConnection) -> Response:
        return Response(self._as_json(connection))

    def _shown_once(self, connection: PMSConnection, secret: str, status: int = 200) -> Response:
        """The connection with a secret that was made here, which no cache keeps."""
        body = {**self._as_json(connection), **({"secret": secret} if secret else {})}
        return Response(body, status=status, headers={"Cache-Control": "no-store"})

    def _as_json(self, connection: PMSConnection) -> dict[str, Any]:
        return dict(PMSConnectionSerializer(self.get_queryset().get(pk=connection.pk)).data)


class SyncRunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[SyncRun]):
    """What was asked of a PMS as a whole, and what came of it."""

    queryset = SyncRun.objects.select_related("connection")
    serializer_class = SyncRunSerializer
    filterset_class = SyncRunFilter
    required_scopes = read_write("pms")
    lookup_value_regex = r"[0-9]{1,18}"
    may_answer = {409: "state conflict"}

    @extend_schema(request=None, responses=SyncRunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Ends a run; what it has applied stays. 409 `sync_over` if it has ended."""
        return Response(SyncRunSerializer(services.cancel_sync(run_id=int(pk))).data)

    @extend_schema(request=None, responses=SyncRunSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Lets a held run take away what it names. 409 `sync_not_held` for any other."""
        return Response(SyncRunSerializer(services.confirm_sync(run_id=int(pk))).data)


class SyncDifferenceListView(ListAPIView[SyncDifference]):
    """What a run has changed, or as a dry run would change."""

    queryset = SyncDifference.objects.all()
    serializer_class = SyncDifferenceSerializer
    filterset_class = SyncDifferenceFilter
    required_scopes = read_write("pms")
    ordering = "id"

    def get_queryset(self) -> QuerySet[SyncDifference]:
        """The differences of the run in the path; costs only for callers that may see them."""
        run = get_object_or_404(SyncRun, pk=self.kwargs["pk"])
        found: QuerySet[SyncDifference] = super().get_queryset().filter(run=run)
        return found if visibility_of(self.request.auth).cost else found.exclude(field__endswith=".cost")
