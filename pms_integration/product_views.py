"""`/api/v1/pms/products/`."""

from rest_framework import mixins

from pms_backend.access.scopes import read_write
from pms_backend.api.endpoints import GenericViewSet
from pms_integration.filters import PMSProductFilter
from pms_integration.models import PMSProduct
from pms_integration.product_serializers import PMSProductSerializer


class PMSProductViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[PMSProduct]):
    """The products of the PMSs, and those of ours that they are linked to."""

    queryset = PMSProduct.objects.with_state().select_related("connection").defer("reported", "agreed")
    serializer_class = PMSProductSerializer
    filterset_class = PMSProductFilter
    required_scopes = read_write("pms")
    lookup_value_regex = r"[0-9]{1,18}"
