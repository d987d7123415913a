"""Search in the admin that finds a SKU regardless of its case and Unicode form."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from pms_backend.api.service_admin import ServiceAdmin
from products.skus import as_sku_key


class SkuSearch(ServiceAdmin):
    """Finds, in addition to Django's matches, the rows of the variant with the SKU that was typed."""

    sku_key_path: ClassVar[str]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Django's matches and those of the SKU."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        key = as_sku_key(search_term)
        if key is None:
            return found, may_repeat
        # Subqueries, since a join would repeat rows, and sorting out the repetitions would read them all.
        of_sku = self.model._default_manager.order_by().filter(**{self.sku_key_path: key})
        matches = Q(pk__in=found.order_by().values("pk")) | Q(pk__in=of_sku.values("pk"))
        return queryset.filter(matches), False
