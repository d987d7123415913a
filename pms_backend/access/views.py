"""`/api/v1/access/`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access import services
from pms_backend.access.caller import Caller
from pms_backend.access.exceptions import ApiClientNotFound
from pms_backend.access.filters import ApiClientFilter, AuditFilter
from pms_backend.access.models import ApiClient, AuditEntry
from pms_backend.access.serializers import (
    ApiClientSerializer,
    AuditEntrySerializer,
    CredentialsSerializer,
    NewApiClientSerializer,
    RotationSerializer,
    SocketTicketSerializer,
)
from pms_backend.access.throttling import ClientThrottle, TicketThrottle
from pms_backend.api.endpoints import APIView, GenericViewSet, ListAPIView
from pms_backend.api.parsers import JSONParser, MergePatchParser

ADMIN_ONLY = {"read": "access:admin", "write": "access:admin"}


class ApiClientViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ApiClient]):
    """Programs that may call the API."""

    queryset = ApiClient.objects.prefetch_related("signing_keys")
    serializer_class = ApiClientSerializer
    filterset_class = ApiClientFilter
    required_scopes = ADMIN_ONLY
    # The answers carry secrets, of which no copy is kept.
    supports_idempotency = {"create": False, "rotate": False}
    parser_classes = (JSONParser, MergePatchParser)
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = r"[A-Za-z0-9]{1,8}"

    @extend_schema(request=NewApiClientSerializer, responses={201: CredentialsSerializer})
    def create(self, request: Request) -> Response:
        """Makes a client with no more scopes than the caller has; its key is in this answer, and nowhere else."""
        serializer = NewApiClientSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return shown_once(services.create_api_client(**serializer.validated_data, by=caller_of(request)), status=201)

    @extend_schema(request=ApiClientSerializer)
    def partial_update(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        """Changes name, scopes, tier or expiry, felt at once; not of a client that has more than the caller."""
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        client = services.update_api_client(client_id=id, values=serializer.validated_data, by=caller_of(request))
        return Response(ApiClientSerializer(client).data)

    @extend_schema(request=RotationSerializer, responses=CredentialsSerializer)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, id: str) -> Response:  # noqa: A002
        """Gives the client a new key, where it has no more than the caller; the one before stays good for a while."""
        serializer = RotationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return shown_once(services.rotate_keys(client_id=id, **serializer.validated_data, by=caller_of(request)))

    @extend_schema(request=None, responses=ApiClientSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, id: str) -> Response:  # noqa: A002
        """Ends the client, for good and at once."""
        return Response(ApiClientSerializer(services.revoke_api_client(client_id=id)).data)

    def get_object(self) -> ApiClient:
        """By its id."""
        client = self.get_queryset().filter(public_id=self.kwargs["id"]).first()
        if client is None:
            raise ApiClientNotFound(f"There is no API client {self.kwargs['id']}.")
        return client


class SocketTicketView(APIView):
    """Tickets for sockets, which browsers cannot send headers to."""

    required_scopes = {"read": "inventory:read", "write": "inventory:read"}
    # The answer is a secret, of which no copy is kept.
    supports_idempotency = False
    throttle_classes = (ClientThrottle, TicketThrottle)

    @extend_schema(request=None, responses={201: SocketTicketSerializer})
    def post(self, request: Request) -> Response:
        """A ticket that opens one socket in the caller's name, within 30 seconds."""
        ticket = services.issue_ticket(caller=caller_of(request))
        body = SocketTicketSerializer(ticket).data
        return Response(body, status=201, headers={"Cache-Control": "no-store"})


class AuditView(ListAPIView[AuditEntry]):
    """Who did what, newest first."""

    queryset: QuerySet[AuditEntry] = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter
    required_scopes = {"read": "access:admin"}


def caller_of(request: Request) -> Caller:
    """The caller of an authenticated request."""
    caller: Caller = request.auth  # type: ignore[assignment]  # what our authentication gives
    return caller


def shown_once(credentials: services.Credentials, status: int = 200) -> Response:
    """A client with its secrets, which no cache keeps."""
    secrets: dict[str, Any] = {
        "api_key": credentials.api_key,
        "signing_key_id": credentials.signing_key_id,
        "signing_key": credentials.signing_key,
    }
    body = {**ApiClientSerializer(credentials.client).data, **secrets}
    return Response(body, status=status, headers={"Cache-Control": "no-store"})
