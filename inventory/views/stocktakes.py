"""`/api/v1/inventory/stocktakes/`."""

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from inventory import services
from inventory.filters import StocktakeFilter, StocktakeLineFilter
from inventory.models import Stocktake, StocktakeLine
from inventory.queries import with_variance
from inventory.serializers.stocktakes import (
    StocktakeCountsSerializer,
    StocktakeDetailSerializer,
    StocktakeInputSerializer,
    StocktakeLineSerializer,
    StocktakeSerializer,
)
from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import GenericViewSet, ListAPIView
from pms_backend.api.parsers import JSONParser, MergePatchParser
from pms_backend.api.validation import validated


class StocktakeViewSet(mixins.ListModelMixin, GenericViewSet[Stocktake]):
    """Count sheets."""

    queryset = Stocktake.objects.select_related("location")
    serializer_class = StocktakeSerializer
    filterset_class = StocktakeFilter
    required_scopes = read_write("inventory")
    parser_classes = (JSONParser, MergePatchParser)
    lookup_value_regex = r"[0-9]{1,18}"

    @extend_schema(request=StocktakeInputSerializer, responses={201: StocktakeDetailSerializer})
    def create(self, request: Request) -> Response:
        """Creates a count sheet with the stock that is expected at a location now."""
        wanted = validated(StocktakeInputSerializer, request.data)
        return _response(services.create_stocktake(**wanted), status=201)

    @extend_schema(responses=StocktakeDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One count sheet with its totals, and its lines where they are few."""
        return _response(self.get_object())

    @extend_schema(request=StocktakeCountsSerializer, responses=StocktakeDetailSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Enters counts, each with its own moment; the other lines are not changed."""
        counts = validated(StocktakeCountsSerializer, request.data)["lines"]
        return _response(services.record_counts(stocktake_id=int(pk), counts=counts))

    @extend_schema(request=None, responses=StocktakeDetailSerializer)
    @action(detail=True, methods=["post"], url_path="post", url_name="post")
    def post_counts(self, request: Request, pk: str) -> Response:
        """Applies all counts to the stock at once; movements after a count are added to it."""
        return _response(services.post_stocktake(stocktake_id=int(pk)))

    @extend_schema(request=None, responses=StocktakeDetailSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Closes the count sheet without changing stock."""
        return _response(services.cancel_stocktake(stocktake_id=int(pk)))


class StocktakeLineListView(ListAPIView[StocktakeLine]):
    """A sheet's lines, in its order."""

    queryset = StocktakeLine.objects.select_related("variant")
    serializer_class = StocktakeLineSerializer
    filterset_class = StocktakeLineFilter
    required_scopes = read_write("inventory")
    ordering = "id"

    def get_queryset(self) -> QuerySet[StocktakeLine]:
        """The lines of the sheet in the path."""
        stocktake = get_object_or_404(Stocktake, pk=self.kwargs["pk"])
        return with_variance(super().get_queryset().filter(stocktake=stocktake))


def _response(stocktake: Stocktake, *, status: int = 200) -> Response:
    return Response(StocktakeDetailSerializer(stocktake).data, status=status)
