"""Works out what a PMS is told of a product, and stores it as the request that is sent, with its key."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pms_backend.api import context
from pms_backend.api.transactions import retried_atomic
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.outgoing import ProductPush
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush
from pms_integration.services.categories import names_of_categories
from pms_integration.services.linked_products import LinkedProduct
from pms_integration.services.product_fields import removal_pairs
from pms_integration.services.product_pushes.leases import PushLease, lock_product, lock_push
from pms_integration.services.product_pushes.payloads import changed_payload, new_payload
from pms_integration.services.product_pushes.recording import forget_creation
from pms_integration.services.product_pushes.rivals import values_of_rivals
from pms_integration.services.product_values import values_of_products
from pms_integration.services.product_writing import write_linked
from products.models import ProductStatus


@dataclass(frozen=True, slots=True)
class PreparedPush:
    """A request that is stored, and when its push was requested last.

    `asks`: the PMS's version is not known, so that it is asked for first.
    """

    lease: PushLease
    connection_id: int
    request: ProductPush
    requested_at: datetime
    asks: bool


@retried_atomic
def prepare(*, lease: PushLease) -> PreparedPush | None:
    """Stores the request that is sent; None, and the push ends, if there is nothing to tell. Raises `LeaseLost`."""
    row = lock_product(lease)
    sent = PMSProductPush.objects.filter(pk=lease.push_id, idempotency_key__isnull=False)
    if row.external_id is not None:
        forget_creation(sent)
    if not sent.exists():
        found = _request_of(row)
        push = lock_push(lease)
        if found is None:
            push.delete()
            if row.external_id is None:
                row.delete()
            return None
        push.payload, push.sent = found
        push.idempotency_key, push.creates, push.version = uuid.uuid4(), row.external_id is None, row.version
        push.attempts = 0
    else:
        push = lock_push(lease)
    push.attempts += 1
    push.save()
    return PreparedPush(
        lease=lease,
        connection_id=row.connection_id,
        request=ProductPush(
            idempotency_key=str(push.idempotency_key),
            external_id=None if push.creates else row.external_id,
            version=push.version,
            payload=push.payload or {},
        ),
        requested_at=push.requested_at,
        asks=not push.creates and push.version is None and _has_versions(row.connection),
    )


def _has_versions(pms: PMSConnection) -> bool:
    connector = CONNECTORS.get(pms.kind)
    return connector is not None and connector.capabilities.product_version is not None


def _request_of(row: PMSProduct) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The payload, and the pairs of the fields that it changes; None if there is nothing to tell.

    What the PMS owns and was changed here is undone. A product whose report could not be matched waits for a decision.
    """
    if row.product_id is None or row.is_deleted or row.match_problem:
        return None
    pms = row.connection
    if row.external_id is None:
        ours = values_of_products([row.product_id])[row.product_id]
        if ours["status"] == ProductStatus.ARCHIVED:
            return None
        return new_payload(ours, names_of_categories(pms)), _pairs(ours)
    linked = LinkedProduct(row=row, request_id=f"product-push-{row.pk}", rivals=values_of_rivals(row))
    conflict = row.conflict
    with context.bind(actor=f"pms:{pms.slug}", request_id=linked.request_id, door=context.Door.PMS):
        write_linked(pms, [linked])
    if linked.error is not None:
        raise linked.error
    if row.conflict != conflict:
        row.reason = linked.reason
    row.save()
    merged = linked.merged
    if not merged.is_pushed:
        return None
    names = names_of_categories(pms)
    payload = changed_payload(row.payload, merged.push, merged.removed, names, slug=pms.slug)
    return payload, _pairs(merged.push) | removal_pairs(linked.theirs, merged.removed)


def _pairs(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [value, value] for name, value in values.items()}
