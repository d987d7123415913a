"""`/api/v1/webhooks/endpoints/` and `/deliveries/`."""

from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.caller import Caller
from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.validation import validated
from webhooks import services
from webhooks.filters import DeliveryFilter
from webhooks.models import Delivery, WebhookEndpoint
from webhooks.serializers import (
    DeliverySerializer,
    EnableSerializer,
    EndpointRotationSerializer,
    EndpointSecretSerializer,
    EndpointSerializer,
    ReplayedSerializer,
    ReplaySerializer,
)


def owner_of(request: Request) -> str | None:
    """The client whose endpoints the caller may see and change; None for all."""
    caller = caller_of(request)
    return None if visibility_of(caller).others else caller.identity


def caller_of(request: Request) -> Caller:
    """The caller."""
    return cast("Caller", request.auth)


class EndpointViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[WebhookEndpoint]):
    """URLs that get events as signed webhooks; a client sees its own endpoints, internal callers and staff see all."""

    queryset = WebhookEndpoint.objects.all()
    serializer_class = EndpointSerializer
    required_scopes = read_write("webhooks")
    # The answers carry a secret, of which no copy is kept.
    supports_idempotency = {"create": False, "rotate_secret": False}
    parser_classes = (JSONParser, MergePatchParser)
    lookup_value_regex = r"[0-9]{1,18}"
    may_answer = {409: "the endpoint is disabled", 410: "events are not kept any more"}

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        """The endpoints that the caller may see."""
        endpoints: QuerySet[WebhookEndpoint] = super().get_queryset()
        # The schema is made without a caller.
        owner = None if self.request is None else owner_of(self.request)
        return endpoints if owner is None else endpoints.filter(owner=owner)

    def prepare(self, request: Request, **kwargs: Any) -> Any:
        """Checks the URL of a write, which is not done in a transaction."""
        if self.action not in ("create", "partial_update"):
            return None
        serializer = EndpointSerializer(data=request.data, partial=self.action != "create")
        serializer.is_valid(raise_exception=True)
        values: dict[str, Any] = serializer.validated_data
        if "url" in values:
            values["url"] = services.check_endpoint_url(values["url"])
        return values

    @extend_schema(request=EndpointSerializer, responses={201: EndpointSecretSerializer})
    def create(self, request: Request) -> Response:
        """Makes an endpoint, which gets the events from now on. Its secret is in this answer only."""
        values = self.prepared()
        caller = caller_of(request)
        endpoint = services.create_endpoint(owner="" if caller.is_staff else caller.identity, **values)
        return _shown_once(endpoint, endpoint.secret, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Changes an endpoint. `is_active` false disables it; true enables it, without what it has missed."""
        values = self.prepared()
        endpoint = services.update_endpoint(endpoint_id=self.get_object().pk, values=values)
        return Response(EndpointSerializer(endpoint).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Deletes an endpoint, with its deliveries."""
        services.delete_endpoint(endpoint_id=self.get_object().pk)
        return Response(status=204)

    @extend_schema(request=EndpointRotationSerializer, responses=EndpointSecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Makes another secret. For 24 hours both sign, unless the one before ends at once."""
        values = validated(EndpointRotationSerializer, request.data)
        endpoint = self.get_object()
        secret = services.rotate_secret(endpoint_id=endpoint.pk, **values)
        return _shown_once(endpoint, secret)

    @extend_schema(request=None, responses={202: EndpointSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Sends a `webhook.test` to this endpoint only. 409 `endpoint_disabled`."""
        endpoint = self.get_object()
        services.send_test(endpoint_id=endpoint.pk)
        return Response(EndpointSerializer(endpoint).data, status=202)

    @extend_schema(request=ReplaySerializer, responses={202: ReplayedSerializer})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Sends the events of a period once more, in their order. 410 `sequence_expired` if some are not kept."""
        values = validated(ReplaySerializer, request.data)
        count = services.replay_events(endpoint_id=self.get_object().pk, **values)
        return Response({"events": count}, status=202)

    @extend_schema(request=EnableSerializer, responses=EndpointSerializer)
    @action(detail=True, methods=["post"])
    def enable(self, request: Request, pk: str) -> Response:
        """Lets a disabled endpoint get events again; with `replay` those since it was disabled too, in their order.

        410 `sequence_expired` if some of these are not kept any more: then it stays disabled.
        """
        values = validated(EnableSerializer, request.data)
        endpoint = services.enable_endpoint(endpoint_id=self.get_object().pk, **values)
        return Response(EndpointSerializer(endpoint).data)


class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Delivery]):
    """Events on their way to endpoints, with each attempt."""

    queryset = Delivery.objects.prefetch_related("attempts")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    required_scopes = read_write("webhooks")
    lookup_value_regex = r"[0-9]{1,18}"
    may_answer = {409: "the endpoint is disabled", 410: "the event is not kept any more"}

    def get_queryset(self) -> QuerySet[Delivery]:
        """The deliveries to endpoints that the caller may see."""
        deliveries: QuerySet[Delivery] = super().get_queryset()
        owner = None if self.request is None else owner_of(self.request)
        return deliveries if owner is None else deliveries.filter(endpoint__owner=owner)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, pk: str) -> Response:
        """Sends it again, now, whatever came of it before. 410 `event_expired`."""
        delivery = services.redeliver(delivery_id=self.get_object().pk)
        return Response(DeliverySerializer(delivery).data, status=202)


def _shown_once(endpoint: WebhookEndpoint, secret: str, status: int = 200) -> Response:
    """The endpoint with a secret that was just made, which no cache keeps."""
    body = {**EndpointSerializer(endpoint).data, "secret": secret}
    return Response(body, status=status, headers={"Cache-Control": "no-store"})
