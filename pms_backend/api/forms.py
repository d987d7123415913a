"""Form fields that take a number as its ASCII digits, where Django's take whatever Python can read (`1_000`)."""

import re
from decimal import Decimal
from typing import Any, Final

from django import forms

WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,40}")
DECIMAL_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


class IntegerField(forms.IntegerField):
    """A whole number."""

    def to_python(self, value: Any) -> int | None:
        """The number, nothing where there is none."""
        if isinstance(value, str) and value not in self.empty_values and not WHOLE_NUMBER.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class DecimalField(forms.DecimalField):
    """A number with at most one point."""

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # Django's is a subclass of its other
        """The number, nothing where there is none."""
        if isinstance(value, str) and value not in self.empty_values and not DECIMAL_NUMBER.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)
