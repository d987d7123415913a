"""The form that changes several levels at once. It checks types and bounds; the services check the rest."""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from inventory.admin.fields import note_field, reference_field
from inventory.admin.jobs import SIGNS, Job
from inventory.models import MAX_QUANTITY, StockLevel
from inventory.plausibility import is_known_code, largest_quantities_seen, question_about
from pms_backend.api.forms import IntegerField

JOBS: Final = [("", gettext_lazy("Select what to do")), *((job.value, job.label) for job in SIGNS)]


class AdjustmentForm(forms.Form):
    """The same relative change of each level."""

    do = forms.ChoiceField(label=gettext_lazy("What to do"), choices=JOBS, widget=UnfoldAdminSelectWidget)
    quantity = IntegerField(
        label=gettext_lazy("Units of each"),
        min_value=-MAX_QUANTITY,
        max_value=MAX_QUANTITY,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"autofocus": True}),
        help_text=gettext_lazy("Only a correction takes away with a minus."),
    )
    # The quantity that was asked about.
    asked = IntegerField(required=False, widget=forms.HiddenInput)
    reference = reference_field()
    note = note_field()

    def __init__(self, data: Any = None, *, levels: Sequence[StockLevel]) -> None:
        super().__init__(data)
        self._levels = levels

    def clean(self) -> dict[str, Any]:
        """Refuses 0, and a minus for what has a direction of its own; asks about an implausible number."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        quantity = cleaned.get("quantity")
        if quantity == 0:
            self.add_error("quantity", _("A change of 0 is none."))
        elif quantity is not None and quantity < 0 and cleaned.get("do") not in (Job.CORRECT, None):
            self.add_error("quantity", _("Enter it without a minus."))
        elif quantity is not None and quantity != cleaned.get("asked") and (question := self._question_about(quantity)):
            self.add_error("quantity", _("%(question)s Send it again if it is.") % {"question": question})
            self.data = {**self.data.dict(), "asked": quantity}  # type: ignore[attr-defined]
        return cleaned

    def _question_about(self, quantity: int) -> str | None:
        """The question for the level that has seen least."""
        seen = largest_quantities_seen(level.pk for level in self._levels)
        least = min((seen.get(level.pk, 0) for level in self._levels), default=0)
        return question_about(quantity, seen=least or None, is_code=is_known_code(str(quantity)))

    def adjustment(self) -> dict[str, Any]:
        """The change, as the service takes it."""
        values = self.cleaned_data
        job = Job(values["do"])
        delta = SIGNS[job] * values["quantity"]
        return {"delta": delta, "reason": job.value, "reference": values["reference"], "note": values["note"]}
