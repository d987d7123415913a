"""The forms of the scan desk: what to do and where, then how many units."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from inventory import services
from inventory.admin.fields import LocationField, note_field, reference_field
from inventory.admin.jobs import QUANTITY_LABELS, SIGNS, Job
from inventory.admin.quantities import before_and_after
from inventory.models import MAX_QUANTITY, StockLevel, Transfer
from inventory.plausibility import is_known_code, is_scan, largest_quantity_seen, question_about
from pms_backend.api.forms import IntegerField
from products.models import Variant

LARGE: Final = {"class": "scan-desk-large", "autocomplete": "off", "enterkeyhint": "done"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the desk's log: what was booked, by which movement or transfer, or what was not and why."""

    text: str
    is_booked: bool = True
    movement: int | None = None
    transfer: Transfer | None = None


class ChoicesForm(forms.Form):
    """What to do, and where: both stay while items are scanned."""

    do = forms.ChoiceField(label=gettext_lazy("What to do"), choices=Job.choices, widget=forms.RadioSelect)
    location = LocationField(label=gettext_lazy("Location"), empty_label=None)


class BookingForm(ChoicesForm):
    """Units of one item. A quantity that is a scanned code books nothing: it is the next item, in `scanned`."""

    sku = forms.CharField(widget=forms.HiddenInput)
    do = forms.ChoiceField(choices=Job.choices, widget=forms.HiddenInput)
    location = LocationField(widget=forms.HiddenInput)
    target = LocationField(label=gettext_lazy("To"), required=False, empty_label=gettext_lazy("Select a location"))
    quantity = forms.CharField(widget=UnfoldAdminTextInputWidget(attrs={**LARGE, "inputmode": "numeric"}))
    reference = reference_field()
    note = note_field()
    # Another one for each item that is shown: what is sent again is booked once.
    key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    # For a count: the units on hand that the page has shown.
    expected_on_hand = IntegerField(required=False, widget=forms.HiddenInput)
    # The quantity that was asked about, and is right.
    confirmed = IntegerField(required=False, widget=forms.HiddenInput)

    scanned: str = ""
    question: str = ""
    is_code: bool = False
    with_reference: ClassVar = (Job.RECEIVE, Job.SELL, Job.RETURN, Job.CORRECT, Job.DAMAGE, Job.MOVE)

    def __init__(self, *args: Any, variant: Variant, job: Job, level: StockLevel | None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._variant, self.job, self._level = variant, job, level
        self.fields["quantity"].label = str(QUANTITY_LABELS[job])
        self.fields["quantity"].widget.attrs["autofocus"] = True
        if job is not Job.MOVE:
            del self.fields["target"]
        if job not in self.with_reference:
            del self.fields["reference"]
        if job is Job.MOVE:
            del self.fields["note"]

    def clean_quantity(self) -> int | None:
        """The units; asks about an implausible number, and about one that is also a code."""
        text: str = self.cleaned_data["quantity"].strip()
        self.is_code = is_known_code(text)
        if self.is_code and is_scan(text):
            self.scanned = text
            raise forms.ValidationError(_("That is another item."))
        least = {Job.COUNT: 0, Job.CORRECT: -MAX_QUANTITY}.get(self.job, 1)
        number = IntegerField(min_value=least, max_value=MAX_QUANTITY)
        try:
            number.to_python(text)
        except forms.ValidationError:
            error = _("%(text)s is no whole number, and no SKU or barcode that is known.") % {"text": text}
            raise forms.ValidationError(error) from None
        quantity: int = number.clean(text)
        if quantity == 0 and self.job is Job.CORRECT:
            raise forms.ValidationError(_("A change of 0 is none."))
        return quantity

    def clean(self) -> dict[str, Any]:
        """Requires the target of a move, and the confirmation of a quantity that is asked about."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.job is Job.MOVE and not cleaned.get("target") and "target" not in self.errors:
            self.add_error("target", _("Where do they go?"))
        quantity = cleaned.get("quantity")
        if quantity is not None and quantity != cleaned.get("confirmed"):
            seen = largest_quantity_seen(self._level.pk) if self._level else None
            self.question = question_about(quantity, seen=seen, is_code=self.is_code) or ""
            if self.question:
                self.add_error("quantity", self.question)
        return cleaned

    def expect(self, level: StockLevel | None) -> None:
        """Sets `expected_on_hand` to the number of the level, so that a count that was refused can be sent again."""
        self.data = {**self.data.dict(), "expected_on_hand": level.on_hand if level else 0}  # type: ignore[attr-defined]

    def book(self) -> Entry:
        """Calls the service of the job. Raises its errors."""
        values, location = self.cleaned_data, self.cleaned_data["location"]
        where = {"sku": self._variant.sku, "location": location.code}
        if self.job is Job.MOVE:
            return self._move()
        if self.job is Job.COUNT:
            expected = values["expected_on_hand"]
            change = services.count_stock(
                **where, on_hand=values["quantity"], expected_on_hand=expected, note=values["note"]
            )
        else:
            change = services.adjust_stock(
                **where,
                delta=SIGNS[self.job] * values["quantity"],
                reason=self.job.value,
                note=values["note"],
                reference=values["reference"],
            )
        text = before_and_after(change, location=location.name, product=self._variant.product.name)
        return Entry(text=text, movement=change.movement["id"] if change.movement else None)

    def _move(self) -> Entry:
        values = self.cleaned_data
        transfer = services.move_stock(
            sku=self._variant.sku,
            source=values["location"].code,
            target=values["target"].code,
            quantity=values["quantity"],
            reference=values["reference"],
        )
        text = _("%(sku)s %(name)s: %(units)s moved from %(source)s to %(target)s.") % {
            "sku": self._variant.sku,
            "name": self._variant.product.name,
            "units": values["quantity"],
            "source": values["location"].name,
            "target": values["target"].name,
        }
        return Entry(text=text, transfer=transfer)
