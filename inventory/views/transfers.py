"""`/api/v1/inventory/transfers/`."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory import services
from inventory.filters import TransferFilter
from inventory.models import Transfer
from inventory.serializers.transfers import (
    ReceiptSerializer,
    TransferChangesSerializer,
    TransferInputSerializer,
    TransferSerializer,
)
from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.validation import validated


class TransferViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Transfer]):
    """Stock on its way from one location to another."""

    queryset = Transfer.objects.with_lines()
    serializer_class = TransferSerializer
    filterset_class = TransferFilter
    required_scopes = read_write("inventory")
    parser_classes = (JSONParser, MergePatchParser)
    lookup_value_regex = r"[0-9]{1,18}"

    @extend_schema(request=TransferInputSerializer, responses={201: TransferSerializer})
    def create(self, request: Request) -> Response:
        """Creates a draft of a transfer, which changes no stock yet."""
        values = validated(TransferInputSerializer, request.data)
        return Response(TransferSerializer(services.create_transfer(**values)).data, status=201)

    @extend_schema(request=TransferChangesSerializer, responses=TransferSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Changes a draft; `lines` replaces all its lines."""
        values = validated(TransferChangesSerializer, request.data)
        return _response(services.update_transfer(transfer_id=int(pk), values=values))

    @extend_schema(request=None, responses=TransferSerializer)
    @action(detail=True, methods=["post"])
    def ship(self, request: Request, pk: str) -> Response:
        """Takes the units from the source and makes them incoming at the target: all lines or none."""
        return _response(services.ship_transfer(transfer_id=int(pk)))

    @extend_schema(request=ReceiptSerializer, responses=TransferSerializer)
    @action(detail=True, methods=["post"])
    def receive(self, request: Request, pk: str) -> Response:
        """Adds received units to the target: all, or those in the request; the others stay in transit, or are lost."""
        receipt = validated(ReceiptSerializer, request.data)
        return _response(services.receive_transfer(transfer_id=int(pk), **receipt))

    @extend_schema(request=None, responses=TransferSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancels the transfer: units in transit go back to the source."""
        return _response(services.cancel_transfer(transfer_id=int(pk)))


def _response(transfer: Transfer) -> Response:
    return Response(TransferSerializer(transfer).data)
