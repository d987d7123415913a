"""The settings of a connection that staff change on its page: who owns which values, and what is made there."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from pms_backend.api.service_admin import ServiceForm
from pms_integration.admin.shown_values import GROUP_TITLES
from pms_integration.models import FIELD_GROUPS, FieldGroupOwner, PMSConnection, PublishMode
from pms_integration.services.connection_settings import MAX_PUBLISHED_VALUES
from products.models import MAX_NAME_LENGTH, MAX_TAG_LENGTH, Category

OWNERS: Final = {
    FieldGroupOwner.PMS: gettext_lazy("The PMS"),
    FieldGroupOwner.LOCAL: gettext_lazy("We"),
    FieldGroupOwner.SHARED: gettext_lazy("Both: each change goes to the other side"),
}
MODES: Final = {
    PublishMode.MANUAL: gettext_lazy("Only those that somebody publishes there"),
    PublishMode.ALL: gettext_lazy("All active products, limited by what is listed below"),
}
OWNER_HELP: Final = gettext_lazy(
    "What the other side changes is undone by the next report or push. Where both own it, a "
    "field that both have changed is a conflict, which somebody resolves."
)
PUBLISH_HELP: Final = gettext_lazy(
    "Which products are made in the PMS if it does not have them. Of each list that is not "
    "empty, a product has one value."
)
_OWNER: Final = "owner_of_"
_MADE: Final = "made_"


class LinesField(forms.CharField):
    """A list of texts, one in each line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def __init__(self, *, line_length: int, **more: Any) -> None:
        super().__init__(required=False, help_text=more.pop("help_text", gettext_lazy("One in each line.")), **more)
        self._line_length = line_length

    def prepare_value(self, value: Any) -> Any:
        """The lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The texts, each once."""
        lines = map(str.strip, str(value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def validate(self, value: Any) -> None:
        """Checks their number and lengths."""
        if len(value) > MAX_PUBLISHED_VALUES:
            raise ValidationError(
                _("There are %(count)s of them: more than %(max)s.")
                % {"count": len(value), "max": MAX_PUBLISHED_VALUES}
            )
        if any(len(line) > self._line_length for line in value):
            raise ValidationError(_("Each has %(max)s characters at most.") % {"max": self._line_length})


def _owner_field(group: str, help_text: Any) -> forms.ChoiceField:
    choices = [(owner.value, text) for owner, text in OWNERS.items()]
    return forms.ChoiceField(
        choices=choices, label=GROUP_TITLES[group], help_text=help_text, widget=UnfoldAdminSelectWidget()
    )


class ConnectionSettingsForm(ServiceForm):
    """The settings. Their fields have other names than the model's, which are not editable."""

    owner_of_content = _owner_field(
        "content",
        gettext_lazy(
            "Names, handle, description, brand, category, tags, attributes, options, images, barcodes, weights."
        ),
    )
    owner_of_price = _owner_field("price", gettext_lazy("Price, currency, compare-at price and cost."))
    owner_of_publication = _owner_field("publication", gettext_lazy("Whether it is active, a draft or archived."))
    made_mode = forms.ChoiceField(
        choices=[(mode.value, text) for mode, text in MODES.items()],
        label=gettext_lazy("Products made there"),
        widget=UnfoldAdminSelectWidget(),
    )
    made_categories = LinesField(
        line_length=MAX_NAME_LENGTH,
        label=gettext_lazy("Of these categories"),
        help_text=gettext_lazy("Slugs, one in each line; without the categories below them."),
    )
    made_tags = LinesField(line_length=MAX_TAG_LENGTH, label=gettext_lazy("With these tags"))
    made_brands = LinesField(line_length=MAX_NAME_LENGTH, label=gettext_lazy("Of these brands"))

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        owners = {f"{_OWNER}{group}": owner for group, owner in self.instance.ownership.items()}
        made = {f"{_MADE}{name}": value for name, value in self.instance.publishes.items()}
        self.initial.update(owners | made)

    def clean_made_categories(self) -> list[str]:
        """Refuses new slugs that no category has."""
        slugs: list[str] = self.cleaned_data["made_categories"]
        added = [slug for slug in slugs if slug not in self.instance.publish_categories]
        known = set(Category.objects.filter(slug__in=added).values_list("slug", flat=True))
        if unknown := [slug for slug in added if slug not in known]:
            raise ValidationError(_("There is no category %(slug)s.") % {"slug": ", ".join(unknown)})
        return slugs

    @property
    def changes(self) -> dict[str, dict[str, Any]]:
        """What was changed, as `services.update_connection` takes it."""
        found: dict[str, dict[str, Any]] = {}
        for member, prefix in (("ownership", _OWNER), ("publishes", _MADE)):
            names = [name for name in self.changed_data if name.startswith(prefix)]
            if names:
                found[member] = {name.removeprefix(prefix): self.cleaned_data[name] for name in names}
        return found


SETTINGS: Final = (
    (
        gettext_lazy("Who owns the values of products"),
        {"fields": tuple(f"{_OWNER}{group}" for group in FIELD_GROUPS), "description": OWNER_HELP},
    ),
    (
        gettext_lazy("Products that are made there"),
        {"fields": ("made_mode", "made_categories", "made_tags", "made_brands"), "description": PUBLISH_HELP},
    ),
)


def owners_in_words(connection: PMSConnection) -> str:
    """Who owns each group, for staff who may not change it."""
    names = {FieldGroupOwner.PMS: _("the PMS"), FieldGroupOwner.LOCAL: _("we"), FieldGroupOwner.SHARED: _("both")}
    owners = connection.ownership.items()
    return ", ".join(f"{GROUP_TITLES[group]}: {names[FieldGroupOwner(owner)]}" for group, owner in owners)


def publishes_in_words(connection: PMSConnection) -> str:
    """What is made there, for staff who may not change it."""
    if connection.publish_mode == PublishMode.MANUAL:
        return str(MODES[PublishMode.MANUAL])
    names = {"categories": _("categories"), "tags": _("tags"), "brands": _("brands")}
    limits = [
        f"{text}: {', '.join(connection.publishes[name])}" for name, text in names.items() if connection.publishes[name]
    ]
    return "; ".join((_("All active products"), *limits))
