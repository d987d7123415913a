"""A conflict on the page of a product: the values of both sides beside those that were agreed on, by group."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from pms_backend.api.admin_tables import Table
from pms_integration.admin.shown_values import GROUP_TITLES, Thumbnails, label_of, shown_value
from pms_integration.models import FIELD_GROUPS, FieldGroupOwner, PMSProduct
from pms_integration.services.product_merge import STATUS
from products.images.names import url_of
from products.models import ProductImage

IMAGES: Final = "images"
SIDES: Final = (FieldGroupOwner.PMS.value, FieldGroupOwner.LOCAL.value)
_NAME: Final = "align-top whitespace-nowrap text-important"
_VALUE: Final = "align-top w-1/3 cell-labelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What a side is taken by."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictGroup:
    """The fields of a group that are in conflict; `note` says what the table does not show."""

    name: str
    title: Any
    table: Table
    note: str
    buttons: tuple[Button, ...]


def conflict_groups(product: PMSProduct, *, with_cost: bool) -> list[ConflictGroup]:
    """The groups in conflict, in their order."""
    thumbnails = _thumbnails(product) if IMAGES in product.conflict.get("content", {}) else Thumbnails({})
    return [
        _group(product, name, product.conflict[name], thumbnails, with_cost=with_cost)
        for name in FIELD_GROUPS
        if name in product.conflict
    ]


def is_deleted_there(product: PMSProduct, group: str) -> bool:
    """Whether the conflict is that the PMS has deleted what was edited here."""
    return product.is_deleted and STATUS in product.conflict.get(group, {})


def digest_of(product: PMSProduct, group: str) -> str:
    """Stands for the values of a group, so that nobody decides about others than those that the page has shown."""
    values = json.dumps(product.conflict.get(group), sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:16]


def _group(
    product: PMSProduct, name: str, fields: Mapping[str, Any], thumbnails: Thumbnails, *, with_cost: bool
) -> ConflictGroup:
    shown = {field: values for field, values in fields.items() if with_cost or not field.endswith(".cost")}
    hidden = len(fields) - len(shown)
    return ConflictGroup(
        name=name,
        title=GROUP_TITLES[name],
        table=Table(
            columns={_("Field"): _NAME, _("Agreed last"): _VALUE, f"{product.connection}": _VALUE, _("Ours"): _VALUE},
            rows=[_row(field, values, thumbnails) for field, values in shown.items()],
            empty=_("Only costs, which you may not see."),
        ),
        note=_("%(count)s more: costs, which you may not see.") % {"count": hidden} if hidden and shown else "",
        buttons=tuple(_button(product, name, side) for side in SIDES),
    )


def _row(field: str, values: Mapping[str, Any], thumbnails: Thumbnails) -> tuple[Any, ...]:
    known = thumbnails if field == IMAGES else None
    agreed, theirs, ours = values["agreed"], values["pms"], values["local"]
    return (
        label_of(field),
        _("nothing") if agreed is None else shown_value(agreed, agreed, thumbnails=known),
        shown_value(theirs, ours, thumbnails=known),
        shown_value(ours, theirs, thumbnails=known),
    )


def _button(product: PMSProduct, group: str, side: str) -> Button:
    page = reverse("admin:pms_integration_pmsproduct_resolve", args=[product.pk])
    query = urlencode({"group": group, "side": side, "seen": digest_of(product, group)})
    return Button(text=button_text(product, group, side), url=f"{page}?{query}")


def button_text(product: PMSProduct, group: str, side: str) -> str:
    """What the button of a side says."""
    is_theirs = side == FieldGroupOwner.PMS
    if is_deleted_there(product, group):
        return _("Archive ours too") if is_theirs else _("Keep ours: make it in the PMS again")
    return _("Take the PMS's") if is_theirs else _("Keep ours")


def _thumbnails(product: PMSProduct) -> Thumbnails:
    """Those of our product, by what both sides may call its images."""
    ours = ProductImage.objects.filter(product=product.product_id, image_file__isnull=False)
    found: dict[str, str] = {}
    for source, file, thumbnail in ours.values_list("source_url", "image_file__file", "image_file__thumbnail"):
        address = url_of(thumbnail or file)
        found |= {name: address for name in (source, file) if name}
    return Thumbnails(found)
