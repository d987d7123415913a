"""`/api/v1/inventory/`."""

from typing import Any, Final

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import mixins
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from inventory import services
from inventory.filters import LevelFilter, MovementFilter
from inventory.models import Location, StockLevel, StockMovement
from inventory.queries import on_hand_at
from inventory.representation import level_as_dict, totals_of
from inventory.serializers.stock import (
    AdjustmentSerializer,
    BulkAdjustmentsSerializer,
    BulkCountsSerializer,
    CountSerializer,
    LevelSerializer,
    LimitsSerializer,
    LocationSerializer,
    MovementSerializer,
    PastLevelsSerializer,
    PastMomentSerializer,
    ReversalSerializer,
    SkuLevelsSerializer,
    StockChangeSerializer,
)
from pms_backend.access.scopes import read_write
from pms_backend.api import bulk
from pms_backend.api.endpoints import APIView, GenericViewSet, ListAPIView
from pms_backend.api.fast_validation import FastValidator
from pms_backend.api.filters import refuse_unknown
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.renderers import json_response
from pms_backend.api.schema import BulkAnswerSerializer
from pms_backend.api.validation import validated
from products.models import Variant
from products.skus import as_sku_key

# Made once, since they hold no state of a request. DRF copies the fields of a serializer for each instance, which takes
# longer than validating an adjustment.
_ADJUSTMENT: Final = FastValidator(AdjustmentSerializer())
_COUNT: Final = FastValidator(CountSerializer())
_ADJUSTMENTS: Final = FastValidator(BulkAdjustmentsSerializer())
_COUNTS: Final = FastValidator(BulkCountsSerializer())

LEVELS = StockLevel.objects.select_related("variant", "location")


class LocationViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.CreateModelMixin,
    mixins.UpdateModelMixin,
    GenericViewSet[Location],
):
    """The places that hold stock."""

    queryset = Location.objects.all()
    serializer_class = LocationSerializer
    required_scopes = read_write("inventory")
    parser_classes = (JSONParser, MergePatchParser)
    lookup_field = "code"
    lookup_value_regex = r"[^/]+"
    http_method_names = ("get", "post", "patch", "head", "options")

    def perform_create(self, serializer: Any) -> None:
        """Creates the location."""
        serializer.instance = services.create_location(**serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        """Changes the location."""
        code = serializer.instance.code
        serializer.instance = services.update_location(code=code, values=serializer.validated_data)


class LevelListView(ListAPIView[StockLevel]):
    """All levels."""

    queryset = LEVELS
    serializer_class = LevelSerializer
    filterset_class = LevelFilter
    required_scopes = read_write("inventory")


class SkuLevelsView(APIView):
    """The levels of one SKU."""

    required_scopes = read_write("inventory")

    @extend_schema(
        parameters=[PastMomentSerializer],
        responses=PolymorphicProxySerializer(
            component_name="SkuLevelsNowOrThen",
            serializers=[SkuLevelsSerializer, PastLevelsSerializer],
            resource_type_field_name=None,
            many=False,
        ),
    )
    def get(self, request: Request, sku: str) -> Response:
        """The stock for each location and in total; with `at`, the units on hand at that moment, as known now."""
        return levels_of(variant_or_404(sku), request)


class LevelView(APIView):
    """One level's limits."""

    required_scopes = read_write("inventory")
    parser_classes = (JSONParser, MergePatchParser)

    @extend_schema(exclude=True)
    def get(self, request: Request, sku: str, location: str) -> Response:
        """The levels of a SKU that contains a slash."""
        return levels_of(variant_or_404(f"{sku}/{location}"), request)

    @extend_schema(request=LimitsSerializer, responses=LevelSerializer)
    def patch(self, request: Request, sku: str, location: str) -> Response:
        """Sets the reorder point or the backorder limit."""
        variant = variant_or_404(sku)
        if not Location.objects.filter(code=location).exists():
            raise NotFound(f"There is no location {location}.")
        limits = validated(LimitsSerializer, request.data)
        services.update_level(sku=variant.sku, location=location, values=limits)
        return Response(level_as_dict(LEVELS.get(variant=variant, location__code=location)))


class AdjustmentView(APIView):
    """Relative changes."""

    required_scopes = read_write("inventory")

    @extend_schema(
        request=AdjustmentSerializer,
        responses={201: StockChangeSerializer, 200: OpenApiResponse(StockChangeSerializer, "it has acted before")},
    )
    def post(self, request: Request) -> HttpResponse:
        """Adds `delta` to the units on hand."""
        return changed(services.adjust_stock(**_ADJUSTMENT.run_validation(request.data)))


class CountView(APIView):
    """Counts."""

    required_scopes = read_write("inventory")

    @extend_schema(
        request=CountSerializer,
        responses={201: StockChangeSerializer, 200: OpenApiResponse(StockChangeSerializer, "what was known is right")},
    )
    def post(self, request: Request) -> HttpResponse:
        """Sets the units on hand to the number counted now."""
        return changed(services.count_stock(**_COUNT.run_validation(request.data)))


class BulkAdjustmentView(APIView):
    """Relative changes, up to 10,000 at a time."""

    required_scopes = read_write("inventory")

    @extend_schema(request=BulkAdjustmentsSerializer, responses=BulkAnswerSerializer)
    def post(self, request: Request) -> Response:
        """Applies each row, or with `atomic` all or none."""
        return bulk.respond(
            request,
            envelope=_ADJUSTMENTS,
            member="adjustments",
            row=_ADJUSTMENT,
            apply=lambda rows, atomic: services.adjust_stock_in_bulk(
                rows=[services.Adjustment(index=index, **data) for index, data in rows], atomic=atomic
            ),
        )


class BulkCountView(APIView):
    """Counts, up to 10,000 at a time."""

    required_scopes = read_write("inventory")

    @extend_schema(request=BulkCountsSerializer, responses=BulkAnswerSerializer)
    def post(self, request: Request) -> Response:
        """Applies each count, or with `atomic` all or none."""
        return bulk.respond(
            request,
            envelope=_COUNTS,
            member="counts",
            row=_COUNT,
            apply=lambda rows, atomic: services.count_stock_in_bulk(
                rows=[services.Count(index=index, **data) for index, data in rows], atomic=atomic
            ),
        )


class MovementListView(ListAPIView[StockMovement]):
    """The ledger, newest first."""

    queryset = StockMovement.objects.as_shown()
    serializer_class = MovementSerializer
    filterset_class = MovementFilter
    required_scopes = read_write("inventory")


class MovementReversalView(APIView):
    """Undoing a line of the ledger."""

    required_scopes = read_write("inventory")

    @extend_schema(request=ReversalSerializer, responses={201: StockChangeSerializer})
    def post(self, request: Request, pk: int) -> HttpResponse:
        """Adds the opposite movement, once; each names the other (`reverses`, `reversed_by`)."""
        return changed(services.reverse_movement(movement_id=pk, **validated(ReversalSerializer, request.data)))


def changed(change: services.StockChange) -> HttpResponse:
    """201 with the change; 200 where nothing has changed, or the change is a repetition."""
    body = {"movement": change.movement, "level": change.level}
    return json_response(body, status=201 if change.movement and not change.is_repetition else 200)


def levels_of(variant: Variant, request: Request) -> Response:
    """The stock of a SKU, now or at the moment in the query; without levels an empty list."""
    refuse_unknown(request, known={"at", "format"})
    query = validated(PastMomentSerializer, request.query_params.dict())
    if (moment := query.get("at")) is not None:
        return Response(on_hand_at(variant, moment))
    levels = [level_as_dict(level) for level in LEVELS.filter(variant=variant).order_by("location__code")]
    return Response({"sku": variant.sku, "levels": levels, "totals": totals_of(levels)})


def variant_or_404(sku: str) -> Variant:
    """The variant with this SKU. Raises `NotFound`."""
    variant = Variant.objects.filter(sku_key=as_sku_key(sku) or "").first()
    if variant is None:
        raise NotFound(f"There is no SKU {sku}.")
    return variant
