"""The form of a product's own fields."""

from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminExpandableTextareaWidget, UnfoldAdminTextInputWidget

from pms_backend.api.forms import PlainIntegerField
from products.admin.images import ImagesForm
from products.admin.option_fields import OptionsField
from products.admin.variants import VARIANTS
from products.models import MAX_TAG_LENGTH, MAX_TAGS

EDITABLE_FIELDS = ("name", "description", "brand", "tags", "options")
SCHEDULE_FIELDS = ("publish_at", "unpublish_at")


class ProductForm(ImagesForm):
    """The editable fields of a product."""

    rows = VARIANTS

    tags = SimpleArrayField(
        forms.CharField(max_length=MAX_TAG_LENGTH),
        label=_("Tags"),
        max_length=MAX_TAGS,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Separated by commas."),
    )
    # Shown with the variants.
    options = OptionsField(required=False, widget=forms.HiddenInput)
    # The version that the page shows. A browser that reloads the page must not keep the one that a script has set.
    expected_version = PlainIntegerField(required=False, widget=forms.HiddenInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.initial.setdefault("options", self.instance.options)
        self.initial["expected_version"] = self.instance.version if self.instance.pk else None
        if "description" in self.fields:
            self.fields["description"].widget = UnfoldAdminExpandableTextareaWidget()

    def changes(self) -> dict[str, Any]:
        """The changed fields as the service takes them."""
        values = {name: self.cleaned_data[name] for name in EDITABLE_FIELDS if name in self.changed_data}
        if "category" in self.changed_data:
            category = self.cleaned_data["category"]
            values["category"] = category.slug if category else None
        return values
