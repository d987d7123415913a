"""The form for a file that changes stock."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from inventory.admin.fields import LocationField
from inventory.bulk_file import MAX_BULK_BYTES, BulkFileUnusable, read_bulk_file
from inventory.models import ADJUSTMENT_REASONS, MAX_REFERENCE_LENGTH


def _default_reference() -> str:
    return f"CSV {timezone.localtime():%Y-%m-%d %H:%M:%S}"


class BulkForm(forms.Form):
    """A file or a pasted text, and what holds for rows that do not say it themselves."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.tsv,.txt"}),
        help_text=gettext_lazy("CSV in UTF-8, with the names of the columns in its first line."),
    )
    text = forms.CharField(
        label=gettext_lazy("Or cells pasted from a spreadsheet"),
        required=False,
        strip=False,
        max_length=MAX_BULK_BYTES,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false"}),
    )
    location = LocationField(
        label=gettext_lazy("Location of rows without one"),
        required=False,
        empty_label=gettext_lazy("None: each row names its location"),
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason of changes without one"),
        choices=[
            ("", gettext_lazy("None: each change names its reason")),
            *((reason.value, reason.label) for reason in ADJUSTMENT_REASONS),
        ],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference of rows without one"),
        max_length=MAX_REFERENCE_LENGTH,
        required=False,
        initial=_default_reference,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("You find the movements by it afterwards."),
    )
    all_or_nothing = forms.BooleanField(
        label=gettext_lazy("All or nothing"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("Nothing is applied unless every row can be."),
    )

    def clean(self) -> dict[str, Any]:
        """Reads the file or the text, as `cleaned_data["content"]`."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        upload, text = cleaned.get("file"), cleaned.get("text") or ""
        if bool(upload) == bool(text.strip()) and not self.errors:
            self.add_error("file", _("Choose a file or paste cells, one of both."))
        if self.errors:
            return cleaned
        content = upload.read(MAX_BULK_BYTES + 1) if upload else text.encode()
        try:
            cleaned["content"] = read_bulk_file(content)
        except BulkFileUnusable as error:
            self.add_error("file" if upload else "text", str(error))
        return cleaned
