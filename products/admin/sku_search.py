"""The admin's search, which finds a SKU however it is written."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from pms_backend.api.service_admin import ServiceAdmin
from products.skus import as_sku_key


class SkuSearch(ServiceAdmin):
    """Finds, besides what has the words that were typed, the rows of the variant whose SKU that is."""

    sku_key_path: ClassVar[str]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Django's, and those."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        key = as_sku_key(search_term)
        if key is None:
            return found, may_repeat
        is_meant = Q(pk__in=found.order_by().values("pk")) | Q(**{self.sku_key_path: key})
        return queryset.filter(is_meant), True
