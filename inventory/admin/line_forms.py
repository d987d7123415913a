"""Forms with a table of lines, and a number to type for each."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from inventory.admin.forms import find_sku
from inventory.models import MAX_QUANTITY, MAX_REFERENCE_LENGTH, Reason, StocktakeLine, TransferLine
from inventory.services import StocktakeCount
from pms_backend.api.admin_tables import FIELD, KEY, NUMBER, TEXT, Table
from pms_backend.api.forms import IntegerField

LINES_PAGE: Final = "inventory/lines_page.html"


class LinesForm(forms.Form):
    """A number for each line, in a table; the other fields stand above or below it."""

    # The titles of the number that is shown and of the one that is typed.
    columns: ClassVar[tuple[str, str]]

    def __init__(self, data: Any = None, *, lines: Sequence[Any]) -> None:
        super().__init__(data)
        self._lines = {f"line_{line.pk}": line for line in lines}
        for name, line in self._lines.items():
            self.fields[name] = self.field_of(line)

    def field_of(self, line: Any) -> forms.Field:
        """The field of the line's number."""
        raise NotImplementedError

    def shown_of(self, line: Any) -> int:
        """The number that is shown of the line."""
        raise NotImplementedError

    def table(self) -> Table:
        """The lines, with a field for the number of each."""
        shown, typed = self.columns
        return Table(
            columns={"SKU": KEY, "Product": TEXT, shown: NUMBER, typed: FIELD},
            rows=[
                (line.variant.sku, line.variant.product.name, self.shown_of(line), self[name])
                for name, line in self._lines.items()
            ],
            empty="Nothing is left.",
        )

    def other_fields(self) -> list[forms.BoundField]:
        """The fields that are not in the table."""
        return [self[name] for name in self.fields if name not in self._lines]

    def typed(self) -> list[tuple[Any, int | None]]:
        """The lines with the numbers that were typed."""
        return [(line, self.cleaned_data[name]) for name, line in self._lines.items()]


def _units(*, initial: int | None, is_required: bool, label: str) -> IntegerField:
    return IntegerField(
        label=label,
        min_value=0,
        max_value=MAX_QUANTITY,
        initial=initial,
        required=is_required,
        # A change is a difference from the number that was shown, since another user may have changed it meanwhile.
        show_hidden_initial=not is_required,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"class": "text-right", "aria-label": label}),
    )


class TransferReceiptForm(LinesForm):
    """The units received of each line in transit, and what happened to the rest."""

    columns = ("In transit", "Received")
    rest = forms.ChoiceField(
        label="What has not come",
        required=False,
        choices=[
            ("", "is still in transit"),
            (Reason.DAMAGE.value, "is lost: damaged or gone"),
            (Reason.CORRECTION.value, "was never sent: a correction"),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    def field_of(self, line: TransferLine) -> forms.Field:
        """The field, with all units in transit at first."""
        return _units(initial=line.in_transit, is_required=True, label=f"Received of {line.variant.sku}")

    def shown_of(self, line: TransferLine) -> int:
        """The units in transit."""
        return line.in_transit

    def lines(self) -> list[tuple[str, int]]:
        """The SKUs and units, for the service."""
        return [(line.variant.sku, units or 0) for line, units in self.typed()]

    def shortage(self) -> str | None:
        """The reason why the rest is lost, or None."""
        return self.cleaned_data["rest"] or None


class CountsForm(LinesForm):
    """Counts of the lines that are shown, and of one more SKU, typed or scanned."""

    columns = ("Expected", "Counted")
    sku = forms.CharField(
        label="SKU or barcode",
        required=False,
        max_length=MAX_REFERENCE_LENGTH,
        help_text="Type it or scan it; one that is not on the sheet is added.",
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    counted = IntegerField(
        label="Counted", required=False, min_value=0, max_value=MAX_QUANTITY, widget=UnfoldAdminIntegerFieldWidget
    )

    def field_of(self, line: StocktakeLine) -> forms.Field:
        """The field, empty before the first count."""
        return _units(initial=line.counted, is_required=False, label=f"Counted of {line.variant.sku}")

    def shown_of(self, line: StocktakeLine) -> int:
        """The units that were expected."""
        return line.expected

    def clean_sku(self) -> str:
        """The SKU, also for its barcode."""
        text: str = self.cleaned_data["sku"]
        return find_sku(text) if text else ""

    def clean(self) -> dict[str, Any]:
        """Requires a number for a SKU, and a SKU for a number."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("sku") and cleaned.get("counted") is None and "counted" not in self.errors:
            self.add_error("counted", "How many are there?")
            # A scanner ends its input with the enter key: the next input is the number.
            self.fields["counted"].widget.attrs["autofocus"] = self.fields["sku"].widget.attrs.pop("autofocus")
        if cleaned.get("counted") is not None and cleaned.get("sku") == "":
            self.add_error("sku", "Of what?")
        return cleaned

    def counts(self) -> list[StocktakeCount]:
        """The numbers that were changed on the page; the scanned SKU overrides its line."""
        typed = {
            line.variant.sku: units
            for name, (line, units) in zip(self._lines, self.typed(), strict=True)
            if name in self.changed_data
        }
        if self.cleaned_data["sku"]:
            typed[self.cleaned_data["sku"]] = self.cleaned_data["counted"]
        return [StocktakeCount(sku=sku, counted=units) for sku, units in typed.items()]
