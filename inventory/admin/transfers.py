"""Transfers for the warehouse: planned, shipped, received and cancelled."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from inventory import services
from inventory.admin.item_search import find_sku
from inventory.admin.line_forms import LINES_PAGE, TransferReceiptForm
from inventory.admin.quantities import RED
from inventory.models import MAX_REFERENCE_LENGTH, Location, Transfer, TransferLine, TransferStatus
from inventory.services.transfers import MAX_TRANSFER_LINES
from pms_backend.api.admin_tables import KEY, MAIN_NUMBER, NUMBER, TABLES, TEXT, Table
from pms_backend.api.service_admin import ReadOnlyAdmin, RefusalsAsFormErrors, ServiceForm, ServiceInline, moment
from pms_backend.api.typed_unfold import action, display
from products.admin.sku_search import SkuSearch

STATUS_LABELS: Final = {
    TransferStatus.DRAFT.label: "info",
    TransferStatus.IN_TRANSIT.label: "warning",
    TransferStatus.RECEIVED.label: "success",
    TransferStatus.CANCELLED.label: "default",
}
# The actions on a transfer in each status.
ACTIONS_IN: Final[dict[str, tuple[str, ...]]] = {
    TransferStatus.DRAFT: ("ship", "cancel"),
    TransferStatus.IN_TRANSIT: ("receive", "cancel"),
    TransferStatus.RECEIVED: (),
    TransferStatus.CANCELLED: (),
}
FIRST_LINES: Final = 4


class TransferForm(ServiceForm):
    """The two locations of a new transfer."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for name in ("source", "target"):
            if name in self.fields:
                self.fields[name].queryset = Location.objects.filter(is_active=True)  # type: ignore[attr-defined]


class TransferLineForm(ServiceForm):
    """A line of a new transfer, typed or scanned."""

    sku = forms.CharField(
        label="SKU or barcode",
        max_length=MAX_REFERENCE_LENGTH,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )

    class Meta:
        model = TransferLine
        fields = ("quantity",)

    field_order = ("sku", "quantity")

    def clean_sku(self) -> str:
        """The SKU, also for its barcode."""
        return find_sku(self.cleaned_data["sku"])


class TransferLineInline(ServiceInline):
    """The lines of a new transfer."""

    model = TransferLine
    form = TransferLineForm
    fields = ("sku", "quantity")
    extra = FIRST_LINES
    min_num = 1
    validate_min = True
    max_num = MAX_TRANSFER_LINES
    verbose_name_plural = "Lines"
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may create transfers."""
        return request.user.has_perm("inventory.add_transfer")


@admin.register(Transfer)
class TransferAdmin(SkuSearch, ReadOnlyAdmin):
    """Transfers. Their lines are fixed when they are planned; buttons change their status."""

    form = TransferForm
    list_display = ("number", "source", "target", "status_label", "skus", "units", "reference", "created")
    list_filter = ("status", "source", "target")
    list_select_related = ("source", "target")
    search_fields = ("reference", "lines__variant__sku")
    sku_key_path = "lines__variant__sku_key"
    search_help_text = "Reference or SKU"
    ordering = ("-id",)
    inlines = (TransferLineInline,)
    add_fieldsets = ((None, {"fields": (("source", "target"), "reference")}),)
    fields = (
        ("source", "target"),
        ("status_label", "reference"),
        ("created_at", "shipped_at", "closed_at"),
    )
    actions = None
    actions_detail = ("ship", "receive", "cancel")
    change_form_outer_after_template = TABLES

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
        messages.success(request, f"Transfer {obj.pk} is planned; nothing has moved yet.")
        return HttpResponseRedirect(_page(obj))

    @action(description="Ship", url_path="ship", permissions=["move"], icon="local_shipping", variant="primary")
    def ship(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        transfer: Transfer = self.get_or_404(request, object_id)
        note = f"Its units leave {transfer.source}, and are incoming at {transfer.target} until they are received."
        return self._confirmed(request, transfer, services.ship_transfer, "Ship", "is on its way", note)

    @action(description="Receive", url_path="receive", permissions=["move"], icon="inventory", variant="primary")
    def receive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Receives units, line by line."""
        transfer: Transfer = self.get_or_404(request, object_id)
        lines = list(transfer.lines.filter(in_transit__gt=0).select_related("variant__product"))
        form = TransferReceiptForm(request.POST or None, lines=lines)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                services.receive_transfer(transfer_id=transfer.pk, lines=form.lines(), shortage=form.shortage())
                messages.success(request, f"{_name(transfer).capitalize()} was received.")
                return HttpResponseRedirect(_page(transfer))
        title = f"Receive {_name(transfer)} at {transfer.target}"
        shown = {"button": "Receive", "original": transfer, "back": _page(transfer)}
        page = self.form_page(request, form, title=title, **shown)
        page.template_name = LINES_PAGE
        return page

    @action(description="Cancel transfer", url_path="cancel", permissions=["move"], icon="block")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        transfer: Transfer = self.get_or_404(request, object_id)
        note = f"What is still in transit is on hand at {transfer.source} again."
        return self._confirmed(request, transfer, services.cancel_transfer, "Cancel", "is cancelled", note)

    @display(description="Transfer", ordering="id")
    def number(self, transfer: Transfer) -> str:
        """Its name."""
        return _name(transfer).capitalize()

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def status_label(self, transfer: Transfer) -> str:
        """The status, as a badge."""
        return transfer.get_status_display()

    @display(description="SKUs")
    def skus(self, transfer: Any) -> Any:
        """The number of lines."""
        return transfer.skus_count

    @display(description="Units")
    def units(self, transfer: Any) -> Any:
        """The units of all lines."""
        return transfer.units_count

    @display(description="Created", ordering="created_at")
    def created(self, transfer: Transfer) -> SafeString:
        """The moment of its creation."""
        return moment(transfer.created_at)

    def _confirmed(
        self, request: HttpRequest, transfer: Transfer, service: Callable[..., Any], verb: str, done: str, note: str
    ) -> HttpResponse:
        return self.confirmed(
            request,
            partial(service, transfer_id=transfer.pk),
            success=f"{_name(transfer).capitalize()} {done}.",
            back=_page(transfer),
            title=f"{verb} {_name(transfer)}",
            note=note,
            button=f"{verb} transfer",
            original=transfer,
        )


def _lines_of(transfer: Transfer) -> Table:
    return Table(
        title="Lines",
        columns={
            "SKU": KEY,
            "Product": TEXT,
            "Quantity": MAIN_NUMBER,
            "In transit": NUMBER,
            "Received": NUMBER,
            "Lost": NUMBER,
        },
        rows=[
            (
                line.variant.sku,
                line.variant.product.name,
                line.quantity,
                line.in_transit,
                line.received,
                format_html('<span class="font-semibold {}">{}</span>', RED, line.lost) if line.lost else 0,
            )
            for line in transfer.lines.select_related("variant__product")
        ],
    )


def _name(transfer: Transfer) -> str:
    return f"transfer {transfer.pk}"


def _page(transfer: Transfer) -> str:
    return reverse("admin:inventory_transfer_change", args=[transfer.pk])
