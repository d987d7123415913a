"""Other PMSs that own the same fields of a product."""

from pms_integration.models import FieldGroupOwner, PMSConnection, PMSProduct
from pms_integration.services.product_fields import Values, group_of


def values_of_rivals(row: PMSProduct) -> list[Values]:
    """What the other PMSs have told of the product last, of the groups that they own; not locked."""
    links = PMSProduct.objects.filter(product=row.product_id, is_deleted=False, connection__is_active=True)
    others = links.exclude(pk=row.pk).select_related("connection").order_by("pk")
    return [_owned(other.connection, other.reported) for other in others]


def _owned(pms: PMSConnection, reported: Values) -> Values:
    owners = pms.ownership
    return {name: value for name, value in reported.items() if owners[group_of(name)] == FieldGroupOwner.PMS}
