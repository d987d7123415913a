"""Requests to send now what waits to be pushed."""

from collections.abc import Collection

from pms_backend.access.services import record_audit
from pms_backend.api.transactions import retried_atomic
from pms_integration.models import PMSProductPush
from pms_integration.services.product_pushes.recording import request_pushes


@retried_atomic
def push_products_now(*, push_ids: Collection[int]) -> int:
    """Makes these pushes due now, those that the PMS has refused too; returns how many there still are."""
    waiting = PMSProductPush.objects.filter(pk__in=push_ids)
    pms_products = list(waiting.order_by("pms_product").values_list("pms_product", flat=True))
    if pms_products:
        request_pushes(pms_products)
        record_audit(action="pms_product.push_requested", subject="products", products=len(pms_products))
    return len(pms_products)
