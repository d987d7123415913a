"""Transfers for the warehouse: planned, shipped, received and cancelled."""

from functools import partial
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory import services
from inventory.admin.quantities import RED
from inventory.admin.transfer_forms import TransferForm, TransferLineInline, TransferReceiptForm
from inventory.models import Transfer, TransferLine, TransferStatus
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, KEY, MAIN_NUMBER, NUMBER, TABLES, TEXT, Table
from pms_backend.api.service_admin import ReadOnlyAdmin, RefusalsAsFormErrors, moment
from pms_backend.api.typed_unfold import action, display
from products.admin.sku_search import SkuSearch

RECEIPT_PAGE: Final = "inventory/transfer_receipt.html"
STATUS_LABELS: Final[dict[str, str]] = {
    TransferStatus.DRAFT: "info",
    TransferStatus.IN_TRANSIT: "warning",
    TransferStatus.RECEIVED: "success",
    TransferStatus.CANCELLED: "default",
}
# The actions on a transfer in each status.
ACTIONS_IN: Final[dict[str, tuple[str, ...]]] = {
    TransferStatus.DRAFT: ("ship", "cancel"),
    TransferStatus.IN_TRANSIT: ("receive", "cancel"),
    TransferStatus.RECEIVED: (),
    TransferStatus.CANCELLED: (),
}


@admin.register(Transfer)
class TransferAdmin(SkuSearch, ReadOnlyAdmin):
    """Transfers. Their lines are fixed when they are planned; buttons change their status."""

    form = TransferForm
    list_display = ("number", "from_location", "to_location", "status_label", "skus", "units", "reference", "created")
    column_kinds: ClassVar = {
        "number": KEY,
        "skus": EXTRA_NUMBER,
        "units": MAIN_NUMBER,
        "reference": EXTRA,
        "created": EXTRA,
    }
    list_filter = ("status", "source", "target")
    list_select_related = ("source", "target")
    search_fields = ("reference", "lines__variant__sku")
    sku_key_path = "lines__variant__sku_key"
    search_help_text = gettext_lazy("Reference or SKU")
    empty_text = gettext_lazy("A transfer moves stock from one location to another.")
    ordering = ("-id",)
    inlines = (TransferLineInline,)
    add_fieldsets = ((None, {"fields": (("source", "target"), "reference")}),)
    fields = (
        ("source", "target"),
        ("status", "reference"),
        ("created_at", "shipped_at"),
        "closed_at",
    )
    actions = None
    actions_detail = ("ship", "receive", "cancel")
    change_form_outer_after_template = TABLES

    class Media:
        """The script that leads from line to line."""

        js = ("inventory/scanned_lines.js",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the user may create transfers."""
        return request.user.has_perm("inventory.add_transfer")

    def has_move_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change transfers."""
        return request.user.has_perm("inventory.change_transfer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transfer]:
        """Adds the numbers of lines and units."""
        transfers: QuerySet[Transfer] = super().get_queryset(request)
        # Subqueries, because a search joins the lines too, and a second join would count them twice.
        lines = TransferLine.objects.filter(transfer=OuterRef("pk")).order_by().values("transfer")
        return transfers.annotate(
            skus_count=Subquery(lines.annotate(total=Count("pk")).values("total")),
            units_count=Subquery(lines.annotate(total=Sum("quantity")).values("total")),
        )

    def get_inlines(self, request: HttpRequest, obj: Any) -> tuple[Any, ...]:
        """The form for the lines of a new transfer; an existing one shows a table instead."""
        return () if obj else self.inlines

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons for the status of the transfer."""
        status = Transfer.objects.filter(pk=object_id).values_list("status", flat=True).first()
        allowed = {f"inventory_transfer_{name}" for name in ACTIONS_IN.get(status or "", ())}
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return [button for button in buttons if button.action_name in allowed]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the lines below."""
        transfer: Transfer | None = context["original"]
        tables = [_lines_of(transfer)] if transfer else []
        return super().render_change_form(request, {**context, "tables": tables}, *args, **kwargs)

    def write(self, request: HttpRequest, obj: Transfer, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Creates the transfer."""
        rows = [row.cleaned_data for formset in formsets for row in formset.forms if row.has_changed()]
        obj.pk = services.create_transfer(
            source=form.cleaned_data["source"].code,
            target=form.cleaned_data["target"].code,
            reference=form.cleaned_data["reference"],
            lines=[(row["sku"], row["quantity"]) for row in rows],
        ).pk

    def response_add(self, request: HttpRequest, obj: Transfer, post_url_continue: Any = None) -> HttpResponse:
        """Opens the page of the new transfer."""
        messages.success(request, _("%(transfer)s is planned; nothing has moved yet.") % {"transfer": _name(obj)})
        return HttpResponseRedirect(_page(obj))

    @action(
        description=gettext_lazy("Ship"),
        url_path="ship",
        permissions=["move"],
        icon="local_shipping",
        variant="primary",
    )
    def ship(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        transfer: Transfer = self.get_or_404(request, object_id)
        note = _("Its units leave %(source)s, and are incoming at %(target)s until they are received.")
        return self.confirmed(
            request,
            partial(services.ship_transfer, transfer_id=transfer.pk),
            success=_("%(transfer)s is on its way.") % {"transfer": _name(transfer)},
            title=_("Ship %(transfer)s") % {"transfer": _name(transfer)},
            note=note % {"source": transfer.source, "target": transfer.target},
            button=_("Ship transfer"),
            **_shown(transfer),
        )

    @action(
        description=gettext_lazy("Receive"),
        url_path="receive",
        permissions=["move"],
        icon="inventory",
        variant="primary",
    )
    def receive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Receives units, line by line."""
        transfer: Transfer = self.get_or_404(request, object_id)
        lines = list(transfer.lines.filter(in_transit__gt=0).select_related("variant__product"))
        form = TransferReceiptForm(request.POST or None, lines=lines)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                services.receive_transfer(transfer_id=transfer.pk, lines=form.lines(), shortage=form.shortage())
                messages.success(request, _("%(transfer)s was received.") % {"transfer": _name(transfer)})
                return HttpResponseRedirect(_page(transfer))
        title = _("Receive %(transfer)s at %(target)s") % {"transfer": _name(transfer), "target": transfer.target}
        page = self.form_page(request, form, title=title, button=_("Receive"), has_scan_box=True, **_shown(transfer))
        page.template_name = RECEIPT_PAGE
        return page

    @action(description=gettext_lazy("Cancel transfer"), url_path="cancel", permissions=["move"], icon="block")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        transfer: Transfer = self.get_or_404(request, object_id)
        note = _("What is still in transit is on hand at %(source)s again.")
        return self.confirmed(
            request,
            partial(services.cancel_transfer, transfer_id=transfer.pk),
            success=_("%(transfer)s is cancelled.") % {"transfer": _name(transfer)},
            title=_("Cancel %(transfer)s") % {"transfer": _name(transfer)},
            note=note % {"source": transfer.source},
            button=_("Cancel transfer"),
            **_shown(transfer),
        )

    @display(description=gettext_lazy("Transfer"), ordering="id")
    def number(self, transfer: Transfer) -> str:
        """Its name."""
        return _name(transfer)

    @display(description=gettext_lazy("Source"), ordering="source__name")
    def from_location(self, transfer: Transfer) -> str:
        """The name of the location that it leaves."""
        return transfer.source.name

    @display(description=gettext_lazy("Target"), ordering="target__name")
    def to_location(self, transfer: Transfer) -> str:
        """The name of the location that it goes to."""
        return transfer.target.name

    @display(description=gettext_lazy("Status"), ordering="status", label=STATUS_LABELS)
    def status_label(self, transfer: Transfer) -> tuple[str, str]:
        """The status, as a badge."""
        return transfer.status, transfer.get_status_display()

    @display(description=gettext_lazy("SKUs"))
    def skus(self, transfer: Any) -> Any:
        """The number of lines."""
        return transfer.skus_count

    @display(description=gettext_lazy("Units"))
    def units(self, transfer: Any) -> Any:
        """The units of all lines."""
        return transfer.units_count

    @display(description=gettext_lazy("Created"), ordering="created_at")
    def created(self, transfer: Transfer) -> SafeString:
        """The moment of its creation."""
        return moment(transfer.created_at)


def _lines_of(transfer: Transfer) -> Table:
    return Table(
        title=_("Lines"),
        columns={
            _("SKU"): KEY,
            _("Product"): TEXT,
            _("Quantity"): MAIN_NUMBER,
            _("In transit"): NUMBER,
            _("Received"): NUMBER,
            _("Lost"): NUMBER,
        },
        rows=[
            (
                line.variant.sku,
                line.variant.product.name,
                line.quantity,
                line.in_transit,
                line.received,
                _lost(line),
            )
            for line in transfer.lines.select_related("variant__product")
        ],
    )


def _lost(line: TransferLine) -> SafeString | int:
    if not line.lost:
        return 0
    return format_html('<span class="font-semibold {}">{}</span>', RED, number_format(line.lost))


def _name(transfer: Transfer) -> str:
    return _("Transfer %(number)d") % {"number": transfer.pk}


def _shown(transfer: Transfer) -> dict[str, Any]:
    """What each page of an action on the transfer needs."""
    return {"original": transfer, "back": _page(transfer)}


def _page(transfer: Transfer) -> str:
    return reverse("admin:inventory_transfer_change", args=[transfer.pk])
