"""Fields that several forms of the warehouse have."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from inventory.models import MAX_NOTE_LENGTH, MAX_REFERENCE_LENGTH, Location

ACTIVE_LOCATIONS: Final = Location.objects.filter(is_active=True)


class LocationField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """An active location, by its code."""

    def __init__(self, **more: Any) -> None:
        super().__init__(ACTIVE_LOCATIONS, to_field_name="code", **{"widget": UnfoldAdminSelectWidget, **more})


def reference_field() -> forms.CharField:
    """The reference of movements."""
    return forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=MAX_REFERENCE_LENGTH,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("An order, a delivery note, a ticket."),
    )


def note_field() -> forms.CharField:
    """The note of movements."""
    return forms.CharField(
        label=gettext_lazy("Note"), max_length=MAX_NOTE_LENGTH, required=False, widget=UnfoldAdminTextInputWidget
    )
