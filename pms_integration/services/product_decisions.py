"""What people decide about products that a PMS and we have: which is which, and whose values of a conflict hold."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from pms_backend.access.services import collected, record_audit
from pms_backend.api import context
from pms_backend.api.transactions import retried_atomic
from pms_integration.exceptions import NotInConflict, ProductDeleted, ProductLinked
from pms_integration.models import FieldGroupOwner, PMSProduct
from pms_integration.services.linked_products import LinkedProduct
from pms_integration.services.product_fields import group_of, stored_name
from pms_integration.services.product_merge import STATUS
from pms_integration.services.product_pushes.recording import request_pushes
from pms_integration.services.product_writing import write_linked
from products import services as products
from products.exceptions import ProductNotFound
from products.models import Product

# The side whose values hold, by the group.
Sides = Mapping[str, str]


@retried_atomic
@collected()
def link_product(*, connection: str, external_id: str, product_id: int) -> PMSProduct:
    """Links a product of the PMS with one of ours, and merges their values: nothing was agreed on before.

    Raises `PMSProduct.DoesNotExist`, `ProductDeleted`, `ProductNotFound`, `ProductLinked`, and what the catalogue
    refuses.
    """
    row = _locked(Q(connection__slug=connection, external_id=external_id))
    if row.is_deleted:
        raise ProductDeleted(
            _("The PMS %(connection)s has deleted the product %(external_id)s.")
            % {"connection": connection, "external_id": external_id}
        )
    if not Product.objects.filter(pk=product_id).exists():
        raise ProductNotFound(_("There is no product %(product_id)s.") % {"product_id": product_id})
    others = PMSProduct.objects.filter(connection=row.connection_id, product=product_id).exclude(pk=row.pk)
    for other in others.order_by("pk").select_for_update():
        if other.external_id is not None:
            raise ProductLinked(
                _("The product %(product_id)s is linked to %(external_id)s of the PMS %(connection)s.")
                % {"product_id": product_id, "external_id": other.external_id, "connection": connection}
            )
        # It was to be made there.
        other.delete()
    if row.product_id != product_id:
        row.product_id, row.agreed, row.conflict = product_id, {}, {}
    row.match_problem = ""
    _write(row, LinkedProduct(row=row, request_id=context.current().request_id, told=row.reported))
    record_audit(
        action="pms_product.linked",
        subject=f"pms_product:{connection}/{external_id}"[:200],
        product=product_id,
    )
    return _shown(row.pk)


@retried_atomic
@collected()
def resolve_conflict(*, pms_product_id: int, sides: Sides) -> PMSProduct:
    """Ends the conflicts in the groups of `sides`: the values of the side hold, and go to the other.

    A product that the PMS has deleted is archived, or made there once more: then it is another product of the PMS.
    Raises `PMSProduct.DoesNotExist`, `NotInConflict`, and what the catalogue refuses.
    """
    row = _locked(Q(pk=pms_product_id))
    named = {group: fields for group, fields in row.conflict.items() if group in sides}
    if not named or row.product_id is None:
        raise NotInConflict(
            _("%(row)s has no conflict in %(sides)s.") % {"row": row, "sides": ", ".join(sorted(sides))}
        )
    subject = f"pms_product:{row.connection.slug}/{row.external_id}"[:200]
    detail: dict[str, Any] = dict(sides)
    record_audit(action="pms_product.resolved", subject=subject, **detail)
    if row.is_deleted and STATUS in named.get(group_of(STATUS), {}):
        return _resolve_deletion(row, sides[group_of(STATUS)])
    for group, fields in named.items():
        for name, values in fields.items():
            held = values["local"] if sides[group] == FieldGroupOwner.PMS else values["pms"]
            # The side that holds has changed what was agreed on.
            row.agreed[stored_name(name)] = [held, held]
    row.conflict = {group: fields for group, fields in row.conflict.items() if group not in named}
    _write(row, LinkedProduct(row=row, request_id=context.current().request_id, is_deletion=row.is_deleted))
    return _shown(row.pk)


def _resolve_deletion(row: PMSProduct, side: str) -> PMSProduct:
    if side == FieldGroupOwner.LOCAL:
        row.conflict = {}
        return _shown(make_again(row).pk)
    if row.product_id is not None:
        products.archive_product(product_id=row.product_id)
    row.conflict, row.reason = {}, ""
    row.save()
    return _shown(row.pk)


def make_again(row: PMSProduct) -> PMSProduct:
    """Lets a locked row of a product that the PMS has deleted go; returns the row by which it is made there anew."""
    product_id, row.product_id = row.product_id, None
    row.save()
    again = PMSProduct.objects.create(connection=row.connection, product_id=product_id)
    request_pushes([again.pk])
    return again


def _write(row: PMSProduct, linked: LinkedProduct) -> None:
    write_linked(row.connection, [linked])
    if linked.error is not None:
        raise linked.error
    row.reason = linked.reason
    row.save()


def _locked(wanted: Q) -> PMSProduct:
    rows = PMSProduct.objects.select_related("connection").select_for_update(of=("self",), no_key=True)
    return rows.get(wanted)


def _shown(pk: int) -> PMSProduct:
    return PMSProduct.objects.with_state().select_related("connection").get(pk=pk)
