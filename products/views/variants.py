"""`/api/v1/products/variants/`: one variant by itself."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.scopes import read_write
from pms_backend.access.visibility import visibility_of
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.parsers import JSONParser, MergePatchParser
from products import services
from products.models import Variant
from products.queries import with_stock
from products.representation import StockShown, represent_variant
from products.serializers import SingleVariantSerializer, VariantPatchSerializer


class VariantViewSet(GenericViewSet[Variant]):
    """Variants with their stock: a price without the rest."""

    queryset = Variant.objects.select_related("product")
    serializer_class = VariantPatchSerializer
    required_scopes = read_write("products")
    parser_classes = (JSONParser, MergePatchParser)
    lookup_value_regex = r"[0-9]{1,18}"

    @extend_schema(responses=SingleVariantSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Merges the body into the variant (RFC 7396); an archived one comes back with it."""
        serializer = self.get_serializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        services.update_variant(variant_id=int(pk), data=dict(serializer.validated_data))
        return Response(self._represent(with_stock(self.get_queryset()).get(pk=pk)))

    def _represent(self, variant: Variant) -> dict[str, Any]:
        visibility = visibility_of(self.request.auth)
        stock = StockShown.ALL if visibility.ledger else StockShown.AVAILABLE
        return {
            **represent_variant(variant, with_cost=visibility.cost, stock=stock),
            "product": variant.product_id,
            "is_archived": variant.is_archived,
            "version": variant.product.version,
        }
