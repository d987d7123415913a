"""`/api/v1/inventory/reservations/`."""

from typing import Any, Final, cast

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request

from inventory import services
from inventory.exceptions import ReservationNotFound
from inventory.filters import ReservationFilter
from inventory.models import Reservation
from inventory.representation import reservation_as_dict
from inventory.serializers.reservations import (
    CommitSerializer,
    ExpirySerializer,
    ReservationRequestSerializer,
    ReservationSerializer,
)
from pms_backend.access.caller import Caller
from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.fast_validation import FastValidator
from pms_backend.api.renderers import json_response

_REQUEST: Final = FastValidator(ReservationRequestSerializer())
_COMMIT: Final = FastValidator(CommitSerializer())
_EXPIRY: Final = FastValidator(ExpirySerializer())


class ReservationViewSet(mixins.ListModelMixin, GenericViewSet[Reservation]):
    """Stock that is promised to a client for a while; a client sees its own reservations, internal callers see all."""

    queryset = Reservation.objects.all()
    serializer_class = ReservationSerializer
    filterset_class = ReservationFilter
    required_scopes = read_write("inventory")
    open_to_storefronts = frozenset({"list", "retrieve", "create", "commit", "release", "extend"})
    lookup_value_regex = r"[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[Reservation]:
        """The reservations that the caller may see."""
        reservations = Reservation.objects.as_of_now()
        # The schema is made without a caller.
        return reservations if self.request is None else reservations.of(self._client())

    @extend_schema(responses=ReservationSerializer)
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        """One reservation; after its expiry its status is `expired`."""
        reservation = self.get_queryset().filter(pk=pk).first()
        if reservation is None:
            raise ReservationNotFound(int(pk))
        return _response(reservation)

    @extend_schema(
        request=ReservationRequestSerializer,
        responses={
            201: ReservationSerializer,
            200: OpenApiResponse(ReservationSerializer, "the reference is this reservation already"),
        },
    )
    def create(self, request: Request) -> HttpResponse:
        """Reserves all lines or none. A line without a location is served by priority, and split if necessary."""
        wanted = _REQUEST.run_validation(request.data)
        lines = [services.ReservationRequest(**line) for line in wanted.pop("lines")]
        published_only = not visibility_of(request.auth).unpublished
        reservation, is_new = services.reserve_stock(
            client=self._caller().identity, lines=lines, published_only=published_only, **wanted
        )
        return _response(reservation, status=201 if is_new else 200)

    @extend_schema(request=CommitSerializer, responses=ReservationSerializer)
    @action(detail=True, methods=["post"])
    def commit(self, request: Request, pk: str) -> HttpResponse:
        """Sells all reserved units, or some: writes `sale` movements with the reservation's reference."""
        lines = _COMMIT.run_validation(request.data).get("lines")
        units = None if lines is None else [(line["sku"], line["quantity"]) for line in lines]
        return _response(services.commit_reservation(reservation_id=int(pk), client=self._client(), lines=units))

    @extend_schema(request=None, responses=ReservationSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> HttpResponse:
        """Releases the units that are still reserved."""
        return _response(services.release_reservation(reservation_id=int(pk), client=self._client()))

    @extend_schema(request=ExpirySerializer, responses=ReservationSerializer)
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, pk: str) -> HttpResponse:
        """Sets the expiry of the reservation to `expires_in` seconds from now."""
        expiry = _EXPIRY.run_validation(request.data)
        return _response(services.extend_reservation(reservation_id=int(pk), client=self._client(), **expiry))

    def _client(self) -> str | None:
        """The client whose reservations the caller may see and change; None for all."""
        caller = self._caller()
        return None if visibility_of(caller).others else caller.identity

    def _caller(self) -> Caller:
        caller: Any = self.request.auth
        return cast("Caller", caller)


def _response(reservation: Reservation, status: int = 200) -> HttpResponse:
    return json_response(reservation_as_dict(reservation), status=status)
