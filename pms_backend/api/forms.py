"""Form fields for numbers in ASCII digits; Django's accept every spelling that Python reads, such as `1_000`."""

import re
from decimal import Decimal
from typing import Any, Final

from django import forms

WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,40}")
DECIMAL_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


class IntegerField(forms.IntegerField):
    """A whole number."""

    def to_python(self, value: Any) -> int | None:
        """The number; None for an empty value."""
        if isinstance(value, str) and value not in self.empty_values and not WHOLE_NUMBER.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class DecimalField(forms.DecimalField):
    """A number with at most one point."""

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # Django's DecimalField is an IntegerField
        """The number; None for an empty value."""
        if isinstance(value, str) and value not in self.empty_values and not DECIMAL_NUMBER.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)
