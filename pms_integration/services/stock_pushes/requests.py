"""Requests to push the stock of SKUs now: what is pending, and where we own the stock, what differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection as database
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from inventory.exceptions import UnknownSku
from pms_backend.access.services import record_audit
from pms_backend.api.arrays import as_array
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors.contract import Resource
from pms_integration.exceptions import UnknownSkus
from pms_integration.services import refetches
from pms_integration.services.pushed_connections import named_connections
from pms_integration.services.stock_pushes.recording import is_pushed_to
from pms_integration.services.stock_pushes.wake_up import push_wake_up
from products.models import Variant
from products.skus import sku_key

# Each 50 of them are a call to each PMS.
MAX_PUSHED_SKUS: Final = 1_000
# Unknown SKUs that the detail of an error names; its `errors` name all.
_NAMED: Final = 10

# A push that is being sent meanwhile is sent twice, under its key.
_MAKE_DUE: Final = """
UPDATE pms_integration_pmsstockpush SET due_at = clock_timestamp() WHERE id IN (
    SELECT push.id FROM pms_integration_pmsstockpush AS push
    JOIN inventory_stocklevel AS level ON level.id = push.level_id
    WHERE push.connection_id = ANY (%s::bigint[]) AND level.variant_id = ANY (%s::bigint[])
        AND push.status = 'pending' AND push.due_at > clock_timestamp()
    ORDER BY push.id FOR NO KEY UPDATE OF push)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """How many SKUs are pushed, and to which connections."""

    skus: int
    connections: Sequence[str]


@retried_atomic
def request_stock_push(*, skus: Sequence[str], connections: Sequence[str] | None = None) -> PushRequest:
    """Makes what is pending of these SKUs due now, and asks for the PMSs' figures, by which differences are corrected.

    Without `connections`, at all PMSs that are told of our changes. Raises `UnknownSkus`, `UnknownConnection`, and
    `PMSNotCalled` for a connection whose PMS is not told of our changes.
    """
    variants = _variants(skus)
    told = named_connections(connections, is_pushed_to, what=gettext_noop("stock"))
    with database.cursor() as cursor:
        pushed_to = as_array(sorted(pms.pk for pms in told))
        cursor.execute(_MAKE_DUE, [pushed_to, as_array(sorted(variant.pk for variant in variants))])
    for pms in told:
        refetches.request(pms, [(Resource.STOCK, variant.sku) for variant in variants], corrects=True)
    push_wake_up.send_after_commit()
    request = PushRequest(skus=len(variants), connections=[pms.slug for pms in told])
    record_audit(action="stock.push_requested", subject="stock", skus=request.skus, connections=request.connections)
    return request


def _variants(skus: Sequence[str]) -> list[Variant]:
    keys = {sku_key(sku): index for index, sku in reversed(list(enumerate(skus)))}
    known = {variant.sku_key: variant for variant in Variant.objects.filter(sku_key__in=keys).order_by("pk")}
    if unknown := sorted(index for key, index in keys.items() if key not in known):
        text = _("There is no SKU %(sku)s.")
        errors = [FieldError(f"/skus/{index}", UnknownSku.code, text % {"sku": skus[index]}) for index in unknown]
        raise UnknownSkus(" ".join(error.detail for error in errors[:_NAMED]), errors=errors)
    return list(known.values())
