"""Forms with a table of lines, which has a number field for each line."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django import forms
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from inventory.models import MAX_QUANTITY, Reason, TransferLine
from pms_backend.api.admin_tables import FIELD, KEY, NUMBER, TEXT, Table
from pms_backend.api.forms import IntegerField

LINES_PAGE: Final = "inventory/lines_page.html"


class LinesForm(forms.Form):
    """A table with a number field for each line; the other fields are above or below the table."""

    # The column titles of the number that is shown and of the number that is entered.
    columns: ClassVar[tuple[str, str]]

    def __init__(self, data: Any = None, *, lines: Sequence[Any]) -> None:
        super().__init__(data)
        self._lines = {f"line_{line.pk}": line for line in lines}
        for name, line in self._lines.items():
            self.fields[name] = self.number_field(line)

    def number_field(self, line: Any) -> forms.Field:
        """The field in which the number of the line is entered."""
        raise NotImplementedError

    def shown_number(self, line: Any) -> int:
        """The number that the table shows for the line."""
        raise NotImplementedError

    def table(self) -> Table:
        """The table: each line with its number and its number field."""
        shown, entered = self.columns
        return Table(
            columns={"SKU": KEY, "Product": TEXT, shown: NUMBER, entered: FIELD},
            rows=[
                (line.variant.sku, line.variant.product.name, self.shown_number(line), self[name])
                for name, line in self._lines.items()
            ],
            empty="No lines are left.",
        )

    def other_fields(self) -> list[forms.BoundField]:
        """The fields that are not in the table."""
        return [self[name] for name in self.fields if name not in self._lines]

    def entered(self) -> list[tuple[Any, int | None]]:
        """The lines with the numbers that were entered."""
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
    """The received units of each line in transit, and what happened to the other units."""

    columns = ("In transit", "Received")
    rest = forms.ChoiceField(
        label="Units that were not received",
        required=False,
        choices=[
            ("", "are still in transit"),
            (Reason.DAMAGE.value, "are lost: damaged or missing"),
            (Reason.CORRECTION.value, "were never sent: a correction"),
        ],
        widget=UnfoldAdminSelectWidget,
    )

    def number_field(self, line: TransferLine) -> forms.Field:
        """A field that starts with all units in transit."""
        field = _units(initial=line.in_transit, is_required=True, label=f"Received units of {line.variant.sku}")
        # By which a scan finds the line.
        field.widget.attrs |= {"data-sku": line.variant.sku, "data-barcode": line.variant.barcode}
        return field

    def shown_number(self, line: TransferLine) -> int:
        """The units in transit."""
        return line.in_transit

    def lines(self) -> list[tuple[str, int]]:
        """The SKUs and units, for the service."""
        return [(line.variant.sku, units or 0) for line, units in self.entered()]

    def shortage(self) -> str | None:
        """The reason why the other units are lost, or None if they are still in transit."""
        return self.cleaned_data["rest"] or None
