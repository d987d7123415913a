"""Form fields for numbers; Django's accept every spelling that Python reads, such as `1_000`.

A browser's own field for numbers drops characters that it does not expect: a typed `12,50` is sent as `1250`. So these
are fields for text, with the keyboard for numbers on a phone, and the server decides what a number is.
"""

import re
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.formats import get_format, localize_input, number_format
from django.utils.translation import gettext as _

WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,40}")
DECIMAL_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")
# What an error shows as an example.
_WHOLE_EXAMPLE: Final = 1_250
_DECIMAL_EXAMPLE: Final = Decimal("1250.50")


class PlainIntegerField(forms.IntegerField):
    """A whole number in ASCII digits, in every language: for what programs send."""

    def to_python(self, value: Any) -> int | None:
        """The number; None for an empty value."""
        if isinstance(value, str) and value not in self.empty_values and not WHOLE_NUMBER.fullmatch(value):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class IntegerField(PlainIntegerField):
    """A whole number as the active language writes it, with or without separators of thousands."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        _make_text(self.widget)

    def widget_attrs(self, widget: Any) -> dict[str, Any]:
        """The keyboard of a phone; that of numbers has no minus."""
        is_negative = not isinstance(self.min_value, int) or self.min_value < 0
        return {"inputmode": "text" if is_negative else "numeric", "autocomplete": "off"}

    def prepare_value(self, value: Any) -> Any:
        """The number as the language writes it."""
        return localize_input(value)

    def to_python(self, value: Any) -> int | None:
        """The number; None for an empty value."""
        plain = _plain(value)
        if value not in self.empty_values and isinstance(value, str) and not WHOLE_NUMBER.fullmatch(plain):
            example = number_format(_WHOLE_EXAMPLE, force_grouping=True)
            raise forms.ValidationError(
                _("Enter a whole number, such as %(example)s."), code="invalid", params={"example": example}
            )
        return super().to_python(plain)


class DecimalField(forms.DecimalField):
    """A number as the active language writes it: `1,250.50` in English, `1.250,50` in German."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        _make_text(self.widget)

    def widget_attrs(self, widget: Any) -> dict[str, Any]:
        """The keyboard of a phone."""
        return {"inputmode": "decimal", "autocomplete": "off"}

    def prepare_value(self, value: Any) -> Any:
        """The number as the language writes it."""
        return localize_input(value)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]  # Django's DecimalField is an IntegerField
        """The number; None for an empty value."""
        plain = _plain(value)
        if value not in self.empty_values and isinstance(value, str) and not DECIMAL_NUMBER.fullmatch(plain):
            example = number_format(_DECIMAL_EXAMPLE, force_grouping=True)
            raise forms.ValidationError(
                _("Enter a number, such as %(example)s."), code="invalid", params={"example": example}
            )
        return super().to_python(plain)


def _make_text(widget: forms.Widget) -> None:
    if isinstance(widget, forms.NumberInput):
        widget.input_type = "text"


def _plain(value: Any) -> Any:
    """A text in the form of the active language, written with a point and without separators; others become empty.

    Separators count only where the language puts them, so that `12,50` does not become 1250 in English.
    """
    if not isinstance(value, str):
        return value
    # A cell of a spreadsheet is often pasted with spaces.
    value = value.strip()
    separator = get_format("THOUSAND_SEPARATOR")
    whole, point, fraction = value.partition(get_format("DECIMAL_SEPARATOR"))
    if separator in whole:
        digits = whole.replace(separator, "")
        if not WHOLE_NUMBER.fullmatch(digits) or number_format(int(digits), force_grouping=True) != whole:
            return ""
        whole = digits
    return f"{whole}.{fraction}" if point else whole
