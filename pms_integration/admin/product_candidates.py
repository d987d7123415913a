"""The products of ours that a product of the PMS may be: those that have SKUs or barcodes of its variants."""

from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Q
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from pms_backend.api.admin_tables import SHORT, TEXT, Table, link
from pms_integration.models import PMSProduct
from pms_integration.services.product_fields import variants_of
from products.models import Product, Variant

# A barcode may be a word such as "none", which thousands of variants have.
MAX_VARIANTS: Final = 500
MAX_CANDIDATES: Final = 20
# SKUs of a product in a cell.
MAX_NAMED: Final = 5


@dataclass(slots=True)
class Candidate:
    """A product of ours, with the SKUs and barcodes that both have; the PMS's product that it is linked to."""

    product: Product
    skus: list[str] = field(default_factory=list)
    barcodes: list[str] = field(default_factory=list)
    linked_to: str | None = None


def candidates_of(row: PMSProduct) -> list[Candidate]:
    """The candidates, those with most SKUs of the PMS's product first."""
    variants = variants_of(row.reported)
    barcodes = {one["barcode"] for one in variants.values() if one.get("barcode")}
    has_sku, has_barcode = Q(sku_key__in=variants), Q(barcode__in=barcodes, is_archived=False)
    found: dict[int, Candidate] = {}
    for wanted in (has_sku, has_barcode):
        named = Variant.objects.filter(wanted).select_related("product").order_by("product", "position", "pk")
        for variant in named[:MAX_VARIANTS]:
            candidate = found.setdefault(variant.product_id, Candidate(variant.product))
            if wanted is has_sku:
                candidate.skus.append(variant.sku)
            else:
                candidate.barcodes.append(variant.barcode)
    links = PMSProduct.objects.filter(connection=row.connection_id, product__in=found, external_id__isnull=False)
    for product_id, external_id in links.values_list("product_id", "external_id"):
        found[product_id].linked_to = external_id
    return sorted(found.values(), key=lambda one: (-len(one.skus), -len(one.barcodes), one.product.pk))


def candidates_table(row: PMSProduct, *, may_link: bool) -> Table:
    """The candidates with a button for each that can be linked."""
    found = candidates_of(row)
    more = len(found) - MAX_CANDIDATES
    notes = [_("And %(count)s more.") % {"count": number_format(more)}] if more > 0 else []
    if sum(bool(one.skus) for one in found) > 1:
        notes.append(_("Where the PMS's values hold, one product cannot get SKUs of another: correct them first."))
    return Table(
        title=_("Which of our products is it?"),
        columns={_("Our product"): TEXT, _("Same SKUs"): TEXT, _("Same barcodes"): TEXT, _("State"): SHORT, "": SHORT},
        rows=[_row(row, candidate, may_link=may_link) for candidate in found[:MAX_CANDIDATES]],
        empty=_("No product of ours has a SKU or a barcode of its variants any more."),
        note=" ".join(notes),
    )


def comparison_table(row: PMSProduct, product: Product) -> Table:
    """Both products side by side, before they are linked."""
    variants = list(product.variants.filter(is_archived=False).order_by("position", "pk"))
    theirs = variants_of(row.reported).values()
    rows = (
        (_("Name"), row.reported.get("name"), product.name),
        (_("Brand"), row.reported.get("brand") or None, product.brand or None),
        (_("SKUs"), _named([one.get("sku") for one in theirs]), _named([one.sku for one in variants])),
        (_("Barcodes"), _named([one.get("barcode") for one in theirs]), _named([one.barcode for one in variants])),
    )
    columns = {
        "": SHORT,
        f"{row.connection}: {row.external_id}": TEXT,
        _("Our product %(id)s") % {"id": product.pk}: TEXT,
    }
    return Table(columns=columns, rows=rows)


def link_address(row: PMSProduct, product_id: int) -> str:
    """The page that asks whether the two are linked."""
    page = reverse("admin:pms_integration_pmsproduct_link", args=[row.pk])
    return f"{page}?{urlencode({'product': product_id})}"


def _row(row: PMSProduct, one: Candidate, *, may_link: bool) -> tuple[Any, ...]:
    button: SafeString | str = ""
    if one.linked_to is not None:
        linked = _("linked now") if one.product.pk == row.product_id else _("linked to %(id)s")
        button = linked % {"id": one.linked_to}
    elif may_link:
        button = format_html(
            '<a href="{}" class="bg-primary-600 font-medium inline-flex px-3 py-2 rounded-default text-white">{}</a>',
            link_address(row, one.product.pk),
            _("Link"),
        )
    return (
        link(reverse("admin:products_product_change", args=[one.product.pk]), f"{one.product.name} ({one.product.pk})"),
        _named(one.skus),
        _named(one.barcodes),
        one.product.get_status_display(),
        button,
    )


def _named(names: list[Any]) -> str | None:
    """The first names; None without one."""
    found = [str(name) for name in dict.fromkeys(names) if name]
    named = ", ".join(found[:MAX_NAMED])
    if len(found) > MAX_NAMED:
        return _("%(first)s and %(count)s more") % {"first": named, "count": len(found) - MAX_NAMED}
    return named or None
