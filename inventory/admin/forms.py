"""The forms that change stock. They check types and bounds; the services check the rest."""

from typing import Any, Final

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from inventory.models import (
    ADJUSTMENT_REASONS,
    MAX_NOTE_LENGTH,
    MAX_QUANTITY,
    MAX_REFERENCE_LENGTH,
    Location,
    Reason,
    StockLevel,
)
from pms_backend.api.forms import IntegerField
from products.models import Variant
from products.skus import as_sku_key

REASON_CHOICES: Final = [("", "Select a reason"), *((reason.value, reason.label) for reason in ADJUSTMENT_REASONS)]
RECEIVE_OR_COUNT: Final = [
    (Reason.RECEIPT.value, "Receive: add to what is there"),
    (Reason.COUNT.value, "Count: this is what is there"),
]


def _note() -> forms.CharField:
    return forms.CharField(max_length=MAX_NOTE_LENGTH, required=False, widget=UnfoldAdminTextInputWidget)


def _reference() -> forms.CharField:
    return forms.CharField(
        max_length=MAX_REFERENCE_LENGTH,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="An order, a delivery note, a ticket.",
    )


def _quantity(label: str, *, minimum: int, help_text: str, autofocus: bool = True) -> IntegerField:
    attributes = {"autofocus": True} if autofocus else {}
    widget = UnfoldAdminIntegerFieldWidget(attrs=attributes)
    return IntegerField(label=label, min_value=minimum, max_value=MAX_QUANTITY, help_text=help_text, widget=widget)


def find_sku(text: str) -> str:
    """The SKU with this text as its SKU or barcode. Raises `ValidationError`."""
    variant = Variant.objects.filter(sku_key=as_sku_key(text) or "").first()
    if variant is not None:
        return variant.sku
    found = list(Variant.objects.filter(barcode=text).order_by("sku_key")[:5])
    if len(found) > 1:
        raise forms.ValidationError(f"Several SKUs have this barcode: {', '.join(map(str, found))}.")
    if not found:
        raise forms.ValidationError(f"There is no SKU and no barcode {text}.")
    return found[0].sku


class AdjustmentForm(forms.Form):
    """A relative change."""

    delta = _quantity("Change", minimum=-MAX_QUANTITY, help_text="Units to add, or with a minus to take away.")
    reason = forms.ChoiceField(choices=REASON_CHOICES, widget=UnfoldAdminSelectWidget)
    reference = _reference()
    note = _note()

    def clean_delta(self) -> int:
        """Refuses 0."""
        delta: int = self.cleaned_data["delta"]
        if delta == 0:
            raise forms.ValidationError("A change of 0 is none.")
        return delta


class CountForm(forms.Form):
    """A count, for the level as it was when the page was opened."""

    on_hand = _quantity("Counted", minimum=0, help_text="Units that you see on the shelf, reserved ones included.")
    note = _note()
    expected_on_hand = IntegerField(widget=forms.HiddenInput)

    def expect_current(self, level: StockLevel) -> None:
        """Sets `expected_on_hand` to the number that the page now shows, so that the form can be sent again."""
        self.data = {**self.data.dict(), "expected_on_hand": level.on_hand}  # type: ignore[attr-defined]


class ReceiptForm(forms.Form):
    """A receipt or a count of a SKU, which may have no level at the location yet."""

    sku = forms.CharField(
        label="SKU or barcode",
        max_length=MAX_REFERENCE_LENGTH,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "off"}),
        help_text="Type it or scan it.",
    )
    location = forms.ModelChoiceField(
        queryset=Location.objects.filter(is_active=True),
        to_field_name="code",
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
    )
    kind = forms.ChoiceField(
        label="What to do",
        choices=RECEIVE_OR_COUNT,
        initial=Reason.RECEIPT.value,
        widget=UnfoldAdminRadioSelectWidget,
    )
    quantity = _quantity("Quantity", minimum=0, help_text="", autofocus=False)
    reference = _reference()
    note = _note()

    def clean_sku(self) -> str:
        """The SKU, also for its barcode."""
        return find_sku(self.cleaned_data["sku"])

    def clean(self) -> dict[str, Any]:
        """Refuses a receipt of 0, and a count with a reference."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("kind") == Reason.RECEIPT and cleaned.get("quantity") == 0:
            self.add_error("quantity", "Receiving 0 changes nothing.")
        if cleaned.get("kind") == Reason.COUNT and cleaned.get("reference"):
            self.add_error("reference", "A count has no reference; write it into the note.")
        return cleaned
