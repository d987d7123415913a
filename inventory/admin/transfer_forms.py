"""The forms of transfers: a new one with its lines, and what of it is received."""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from inventory.admin.item_search import find_sku
from inventory.models import MAX_QUANTITY, MAX_REFERENCE_LENGTH, Location, Reason, TransferLine
from inventory.services.transfers import MAX_TRANSFER_LINES
from pms_backend.api.admin_tables import FIELD, KEY, NUMBER, TEXT, Table
from pms_backend.api.forms import IntegerField
from pms_backend.api.service_admin import ServiceForm, ServiceInline

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
        label=gettext_lazy("SKU or barcode"),
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
    verbose_name = gettext_lazy("line")
    verbose_name_plural = gettext_lazy("Lines")
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may create transfers."""
        return request.user.has_perm("inventory.add_transfer")


class TransferReceiptForm(forms.Form):
    """The received units of each line in transit, and what happened to the other units."""

    rest = forms.ChoiceField(
        label=gettext_lazy("Units that were not received"),
        required=False,
        choices=[
            ("", gettext_lazy("are still in transit")),
            (Reason.DAMAGE.value, gettext_lazy("are lost: damaged or missing")),
            (Reason.CORRECTION.value, gettext_lazy("were never sent: a correction")),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, data: Any = None, *, lines: Sequence[TransferLine]) -> None:
        super().__init__(data)
        self._lines = {f"line_{line.pk}": line for line in lines}
        for name, line in self._lines.items():
            self.fields[name] = _units_of(line)

    def table(self) -> Table:
        """Each line with its units in transit and the field of those received."""
        return Table(
            columns={_("SKU"): KEY, _("Product"): TEXT, _("In transit"): NUMBER, _("Received"): FIELD},
            rows=[
                (line.variant.sku, line.variant.product.name, line.in_transit, self[name])
                for name, line in self._lines.items()
            ],
            empty=_("No lines are left."),
        )

    def other_fields(self) -> list[forms.BoundField]:
        """The fields that are not in the table."""
        return [self[name] for name in self.fields if name not in self._lines]

    def lines(self) -> list[tuple[str, int]]:
        """The SKUs and units, for the service."""
        return [(line.variant.sku, self.cleaned_data[name]) for name, line in self._lines.items()]

    def shortage(self) -> str | None:
        """The reason why the other units are lost, or None if they are still in transit."""
        return self.cleaned_data["rest"] or None


def _units_of(line: TransferLine) -> IntegerField:
    label = _("Received units of %(sku)s") % {"sku": line.variant.sku}
    # By the SKU and the barcode a scan finds the line.
    attributes = {
        "class": "text-right",
        "aria-label": label,
        "data-sku": line.variant.sku,
        "data-barcode": line.variant.barcode,
    }
    widget = UnfoldAdminIntegerFieldWidget(attrs=attributes)
    return IntegerField(label=label, min_value=0, max_value=MAX_QUANTITY, initial=line.in_transit, widget=widget)
