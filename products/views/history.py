"""`/api/v1/products/{id}/history/`."""

from django.db.models import QuerySet
from rest_framework import mixins

from pms_backend.access.models import AuditEntry
from pms_backend.access.serializers import HistoryEntrySerializer
from pms_backend.api.endpoints import GenericViewSet
from products.exceptions import ProductNotFound
from products.models import Product


class ProductHistoryViewSet(mixins.ListModelMixin, GenericViewSet[AuditEntry]):
    """Who changed what of a product, from what to what, newest first."""

    queryset = AuditEntry.objects.none()
    serializer_class = HistoryEntrySerializer
    # It shows cost.
    required_scopes = {"read": "products:write", "write": "products:write"}

    def get_queryset(self) -> QuerySet[AuditEntry]:
        """Those of the product. Raises `ProductNotFound`."""
        product_id = int(self.kwargs["product"])
        if not Product.objects.filter(pk=product_id).exists():
            raise ProductNotFound(f"There is no product {product_id}.")
        return AuditEntry.objects.filter(subject=f"product:{product_id}")
