"""Form fields for the options of a product and the values of its variants, which a script of the page fills in."""

from typing import Any

from django import forms
from rest_framework.exceptions import ValidationError

from pms_backend.api.exceptions import field_errors
from products.serializers import ProductInputSerializer, VariantPatchSerializer


class OptionsField(forms.JSONField):
    """The options of a product, by the rules of the API."""

    empty: Any = []
    serializer: Any = ProductInputSerializer

    def to_python(self, value: Any) -> Any:
        """The value, or an empty one."""
        return super().to_python(value) or self.empty

    def clean(self, value: Any) -> Any:
        """The value as it is stored."""
        try:
            return self.serializer(partial=True).run_validation({"options": super().clean(value)})["options"]
        except ValidationError as error:
            raise forms.ValidationError([one.detail for one in field_errors(error.get_full_details())]) from None


class OptionValuesField(OptionsField):
    """The option values of a variant, by the rules of the API."""

    empty: Any = {}
    serializer: Any = VariantPatchSerializer
