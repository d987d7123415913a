"""The form of a new transfer, with its lines."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from inventory.admin.item_search import find_sku
from inventory.models import MAX_REFERENCE_LENGTH, Location, TransferLine
from inventory.services.transfers import MAX_TRANSFER_LINES
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
