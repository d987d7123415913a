"""Requests to publish products: they are pushed now, and made at PMSs that do not have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from pms_backend.access.services import record_audit
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_integration.exceptions import UnknownProducts
from pms_integration.models import PMSConnection, PMSProduct
from pms_integration.services.product_pushes.recording import request_pushes, takes_products
from pms_integration.services.pushed_connections import named_connections
from products.exceptions import ProductNotFound
from products.models import Product

MAX_PUBLISHED_PRODUCTS: Final = 1_000
# Ids that the detail of an error names; its `errors` name all.
_NAMED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """How many products are pushed, and to which connections."""

    products: int
    connections: Sequence[str]


@retried_atomic
def publish_products(*, product_ids: Sequence[int], connections: Sequence[str] | None = None) -> PublishRequest:
    """Requests pushes of products; a PMS that does not have one gets it.

    Without `connections`, to all PMSs that products are written to. Raises `UnknownProducts`, `UnknownConnection`, and
    `PMSNotCalled` for a connection whose PMS gets no products.
    """
    ids = _known(product_ids)
    told = named_connections(connections, takes_products, what=gettext_noop("products"))
    for pms in told:
        _publish(pms, ids)
    request = PublishRequest(products=len(ids), connections=[pms.slug for pms in told])
    record_audit(
        action="pms_product.published", subject="products", products=request.products, connections=request.connections
    )
    return request


def _known(product_ids: Sequence[int]) -> list[int]:
    indexes = {pk: index for index, pk in reversed(list(enumerate(product_ids)))}
    known = set(Product.objects.current().filter(pk__in=indexes).values_list("pk", flat=True))
    if unknown := sorted(index for pk, index in indexes.items() if pk not in known):
        errors = [
            FieldError(
                f"/products/{index}",
                ProductNotFound.code,
                _("There is no product %(id)s, or it is archived.") % {"id": product_ids[index]},
            )
            for index in unknown
        ]
        raise UnknownProducts(" ".join(error.detail for error in errors[:_NAMED]), errors=errors)
    return sorted(known)


def _publish(pms: PMSConnection, ids: Sequence[int]) -> None:
    # What the PMS has deleted is made there anew, as another product.
    gone = PMSProduct.objects.filter(connection=pms, product__in=ids, is_deleted=True).order_by("external_id")
    PMSProduct.objects.filter(pk__in=[row.pk for row in gone.select_for_update(no_key=True)]).update(
        product=None, conflict={}
    )
    PMSProduct.objects.bulk_create(
        [PMSProduct(connection=pms, product_id=product_id) for product_id in ids], ignore_conflicts=True
    )
    request_pushes(list(PMSProduct.objects.filter(connection=pms, product__in=ids).values_list("pk", flat=True)))
