"""The settings of a connection that staff change on its page: who owns which values, and what is made there."""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from pms_backend.api.service_admin import ServiceForm
from pms_integration.models import FIELD_GROUPS, FieldGroupOwner, PMSConnection, PublishMode
from pms_integration.services.connection_settings import MAX_PUBLISHED_VALUES
from products.models import MAX_NAME_LENGTH, MAX_TAG_LENGTH, Category

OWNERS: Final = {
    FieldGroupOwner.PMS: "The PMS",
    FieldGroupOwner.LOCAL: "We",
    FieldGroupOwner.SHARED: "Both: each change goes to the other side",
}
MODES: Final = {
    PublishMode.MANUAL: "Only those that somebody publishes there",
    PublishMode.ALL: "All active products, limited by what is listed below",
}
OWNER_HELP: Final = (
    "What the other side changes is undone by the next report or push. Where both own it, a field that both have "
    "changed is a conflict, which somebody resolves."
)
PUBLISH_HELP: Final = (
    "Which products are made in the PMS if it does not have them. Of each list that is not empty, a product has one "
    "value."
)
_OWNER: Final = "owner_of_"
_MADE: Final = "made_"


class LinesField(forms.CharField):
    """A list of texts, one in each line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})

    def __init__(self, *, line_length: int, **more: Any) -> None:
        super().__init__(required=False, help_text=more.pop("help_text", "One in each line."), **more)
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
            raise ValidationError(f"There are {len(value)} of them: more than {MAX_PUBLISHED_VALUES}.")
        if any(len(line) > self._line_length for line in value):
            raise ValidationError(f"Each has {self._line_length} characters at most.")


def _owner_field(group: str, help_text: str) -> forms.ChoiceField:
    choices = [(owner.value, text) for owner, text in OWNERS.items()]
    return forms.ChoiceField(choices=choices, label=group, help_text=help_text, widget=UnfoldAdminSelectWidget())


class ConnectionSettingsForm(ServiceForm):
    """The settings. Their fields have other names than the model's, which are not editable."""

    owner_of_content = _owner_field(
        "Content", "Names, handle, description, brand, category, tags, attributes, options, images, barcodes, weights."
    )
    owner_of_price = _owner_field("Price", "Price, currency, compare-at price and cost.")
    owner_of_publication = _owner_field("Publication", "Whether it is active, a draft or archived.")
    made_mode = forms.ChoiceField(
        choices=[(mode.value, text) for mode, text in MODES.items()],
        label="Products made there",
        widget=UnfoldAdminSelectWidget(),
    )
    made_categories = LinesField(
        line_length=MAX_NAME_LENGTH,
        label="Of these categories",
        help_text="Slugs, one in each line; without the categories below them.",
    )
    made_tags = LinesField(line_length=MAX_TAG_LENGTH, label="With these tags")
    made_brands = LinesField(line_length=MAX_NAME_LENGTH, label="Of these brands")

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
            raise ValidationError(f"There is no category {', '.join(unknown)}.")
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
        "Who owns the values of products",
        {"fields": tuple(f"{_OWNER}{group}" for group in FIELD_GROUPS), "description": OWNER_HELP},
    ),
    (
        "Products that are made there",
        {"fields": ("made_mode", "made_categories", "made_tags", "made_brands"), "description": PUBLISH_HELP},
    ),
)


def owners_in_words(connection: PMSConnection) -> str:
    """Who owns each group, for staff who may not change it."""
    names = {FieldGroupOwner.PMS: "the PMS", FieldGroupOwner.LOCAL: "we", FieldGroupOwner.SHARED: "both"}
    return ", ".join(f"{group}: {names[FieldGroupOwner(owner)]}" for group, owner in connection.ownership.items())


def publishes_in_words(connection: PMSConnection) -> str:
    """What is made there, for staff who may not change it."""
    if connection.publish_mode == PublishMode.MANUAL:
        return MODES[PublishMode.MANUAL]
    limits = [_limit(name, connection.publishes[name]) for name in ("categories", "tags", "brands")]
    return "; ".join(("All active products", *filter(None, limits)))


def _limit(name: str, values: Sequence[str]) -> str:
    return f"{name}: {', '.join(values)}" if values else ""
