"""`/api/v1/pms/inventory/`."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import APIView, ListAPIView
from pms_backend.api.validation import validated
from pms_integration import services
from pms_integration.filters import PMSStockFilter
from pms_integration.models import PMSStock
from pms_integration.queries import with_comparison
from pms_integration.stock_serializers import (
    PMSStockSerializer,
    StockPushRequestedSerializer,
    StockPushRequestSerializer,
)


class PMSStockListView(ListAPIView[PMSStock]):
    """The stock as the PMSs last told it, beside ours. Nothing is asked for: `reported_at` says how old it is."""

    queryset = PMSStock.objects.select_related("connection", "variant", "location")
    serializer_class = PMSStockSerializer
    filterset_class = PMSStockFilter
    required_scopes = read_write("pms")

    def get_queryset(self) -> QuerySet[PMSStock]:
        """The reported stock with our side of it."""
        return with_comparison(super().get_queryset())


class StockPushView(APIView):
    """Pushes of stock that somebody asks for."""

    required_scopes = read_write("pms")
    may_answer = {409: "state conflict"}

    @extend_schema(request=StockPushRequestSerializer, responses={202: StockPushRequestedSerializer})
    def post(self, request: Request) -> Response:
        """Pushes what is pending of these SKUs now, and where the stock is ours, what the PMS differs by.

        The PMS's figures are asked for first, and what was received before is applied first. What a location differs by
        is pushed as one correction. 409 `pms_not_called` for a PMS that is not told of our changes.
        """
        requested = services.request_stock_push(**validated(StockPushRequestSerializer, request.data))
        return Response(StockPushRequestedSerializer(requested).data, status=202)
