"""The forms of an endpoint's page and of its buttons."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from pms_backend.events.domain_events import event_types
from webhooks.models import MAX_DESCRIPTION_LENGTH, MAX_URL_LENGTH


class EndpointForm(forms.Form):
    """What an endpoint is; its headers are written, and not shown."""

    url = forms.CharField(
        label=gettext_lazy("URL"),
        max_length=MAX_URL_LENGTH,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url"}),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        max_length=MAX_DESCRIPTION_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("The name of the subscriber, by which it is listed."),
    )
    event_types = forms.CharField(
        label=gettext_lazy("Event types"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 4})
    )
    headers = forms.CharField(
        required=False,
        label=gettext_lazy("Extra headers"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "One in a line, as Name: value; without a value it is removed. Those that are set already are not shown, "
            "and stay, unless the URL changes."
        ),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        help_text = _("One in a line: types, or their beginning, such as stock.* or * for all. There are: %(types)s.")
        self.fields["event_types"].help_text = help_text % {"types": ", ".join(event_types())}

    def clean_event_types(self) -> list[str]:
        """The patterns."""
        return [line.strip() for line in self.cleaned_data["event_types"].splitlines() if line.strip()]

    def clean_headers(self) -> dict[str, str | None]:
        """The values by name; None for one that is removed."""
        found: dict[str, str | None] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["headers"].splitlines())):
            name, colon, value = line.partition(":")
            if not colon:
                raise forms.ValidationError(_("%(line)s is not a name and a value."), params={"line": line})
            found[name.strip()] = value.strip() or None
        return found


class RotationForm(forms.Form):
    """When the secret before ends."""

    at_once = forms.BooleanField(
        required=False,
        label=gettext_lazy("End the current secret at once"),
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy(
            "If somebody else may know it. The subscriber needs the new one before it can verify anything."
        ),
    )


class EnableForm(forms.Form):
    """Whether what was missed is sent."""

    replay = forms.BooleanField(
        required=False,
        initial=True,
        label=gettext_lazy("Send what it has missed"),
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("All events since it was disabled, in their order."),
    )


class ReplayForm(forms.Form):
    """A period of the feed."""

    since = forms.SplitDateTimeField(label=gettext_lazy("Since"), widget=UnfoldAdminSplitDateTimeWidget())
    until = forms.SplitDateTimeField(
        label=gettext_lazy("Until"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget(),
        help_text=gettext_lazy("Empty: until now."),
    )
