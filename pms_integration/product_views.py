"""`/api/v1/pms/products/`."""

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import GenericViewSet
from pms_backend.api.validation import validated
from pms_integration import services
from pms_integration.filters import PMSProductFilter
from pms_integration.models import PMSProduct
from pms_integration.product_serializers import (
    PMSProductSerializer,
    ProductLinkSerializer,
    ProductPublishRequestedSerializer,
    ProductPublishSerializer,
    ResolutionSerializer,
)


class PMSProductViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[PMSProduct]):
    """The products of the PMSs, and those of ours that they are linked to."""

    queryset = PMSProduct.objects.with_state().select_related("connection").defer("reported", "agreed")
    serializer_class = PMSProductSerializer
    filterset_class = PMSProductFilter
    required_scopes = read_write("pms")
    lookup_value_regex = r"[0-9]{1,18}"
    may_answer = {409: "state conflict"}

    @extend_schema(request=ProductLinkSerializer, responses=PMSProductSerializer)
    @action(detail=False, methods=["post"])
    def link(self, request: Request) -> Response:
        """Links a product of a PMS with one of ours. 409 `product_linked` if ours is linked to another one of the PMS.

        Nothing was agreed on before: fields of shared groups that differ are a conflict.
        """
        return self._shown(services.link_product(**validated(ProductLinkSerializer, request.data)))

    @extend_schema(request=ResolutionSerializer, responses=PMSProductSerializer)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Ends the conflicts of groups: the values of the named side go to the other. 409 `not_in_conflict`.

        A product that the PMS has deleted is archived (`pms`), or made there once more (`local`): the answer is the new
        link then.
        """
        sides = validated(ResolutionSerializer, request.data)
        return self._shown(services.resolve_conflict(pms_product_id=int(pk), sides=sides))

    @extend_schema(request=ProductPublishSerializer, responses={202: ProductPublishRequestedSerializer})
    @action(detail=False, methods=["post"])
    def publish(self, request: Request) -> Response:
        """Pushes products now; a PMS that does not have one gets it. 409 `pms_not_called`."""
        requested = services.publish_products(**validated(ProductPublishSerializer, request.data))
        return Response(ProductPublishRequestedSerializer(requested).data, status=202)

    def _shown(self, product: PMSProduct) -> Response:
        return Response(self.get_serializer(product).data)
