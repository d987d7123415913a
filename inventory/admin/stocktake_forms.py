"""The form of a new count sheet."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from inventory.item_codes import skus_by_code
from inventory.models import Location
from pms_backend.api.service_admin import ServiceForm


class LocationOfSheet(forms.ModelChoiceField):  # type: ignore[type-arg]  # not subscriptable at run time
    """The active locations, with the number of lines that a sheet of all they hold has."""

    def label_from_instance(self, obj: Any) -> str:
        """The name, and the lines."""
        lines = ngettext("%(lines)s line", "%(lines)s lines", obj.levels_count)
        return f"{obj} ({lines % {'lines': number_format(obj.levels_count, force_grouping=True)}})"


class StocktakeForm(ServiceForm):
    """The location and the items of a new sheet."""

    location = LocationOfSheet(
        label=gettext_lazy("Location"),
        queryset=Location.objects.none(),
        empty_label=gettext_lazy("Select a location"),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("In brackets: the lines of a sheet of everything that is there."),
    )
    skus = forms.CharField(
        label=gettext_lazy("SKUs or barcodes"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("One a line, typed or scanned. Leave it empty to count everything at the location."),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if "location" in self.fields:
            levels = Location.objects.filter(is_active=True).annotate(levels_count=Count("levels"))
            self.fields["location"].queryset = levels  # type: ignore[attr-defined]

    def clean_skus(self) -> list[str]:
        """The SKUs, one a line."""
        lines = [(number, line.strip()) for number, line in enumerate(self.cleaned_data["skus"].splitlines(), 1)]
        texts = {number: text for number, text in lines if text}
        found = skus_by_code(texts.values())
        errors = [
            ValidationError(_("Line %(number)s: %(error)s"), params={"number": number, "error": _error_of(text, skus)})
            for number, text in texts.items()
            if len(skus := found[text]) != 1
        ]
        if errors:
            raise ValidationError(errors)
        return [found[text][0] for text in texts.values()]


def _error_of(text: str, skus: list[str]) -> str:
    if skus:
        return _("several SKUs have the barcode %(code)s: %(skus)s.") % {"code": text, "skus": ", ".join(skus[:5])}
    return _("there is no SKU and no barcode %(code)s.") % {"code": text}
