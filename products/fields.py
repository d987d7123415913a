"""Input fields in which null means empty, as in a merge patch (RFC 7396)."""

from typing import Any

from django.utils.translation import gettext as _

from pms_backend.api import serializers
from products import models
from products.barcodes import check_barcode
from products.exceptions import InvalidBarcode


class ClearableCharField(serializers.CharField):
    """A text that may be empty; null means empty."""

    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, allow_blank=True, allow_null=True, **more)

    def run_validation(self, data: Any = serializers.empty) -> str:
        """Returns the text."""
        text: str | None = super().run_validation(data)
        return "" if text is None else text


class BarcodeField(ClearableCharField):
    """A barcode; the check digit of a GTIN is verified."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=models.MAX_BARCODE_LENGTH, **more)

    def to_internal_value(self, data: Any) -> str:
        """Returns the barcode, verified."""
        text = super().to_internal_value(data)
        try:
            check_barcode(text)
        except InvalidBarcode as error:
            raise serializers.ValidationError(error.detail, code=error.code) from None
        return text


class ClearableListField(serializers.ListField):
    """A list that may be empty; null means empty."""

    def __init__(self, **more: Any) -> None:
        super().__init__(required=False, allow_null=True, **more)

    def run_validation(self, data: Any = serializers.empty) -> list[Any]:
        """Returns the list."""
        return super().run_validation(data) or []


class OptionValuesField(serializers.DictField):
    """The option values of a variant by the name of the option; null means no options."""

    def __init__(self, **more: Any) -> None:
        child = serializers.CharField(max_length=models.MAX_OPTION_LENGTH)
        super().__init__(required=False, allow_null=True, child=child, **more)

    def run_validation(self, data: Any = serializers.empty) -> dict[str, str]:
        """Returns the values, with names stripped of outer spaces."""
        values: dict[str, str] = {name.strip(): value for name, value in (super().run_validation(data) or {}).items()}
        if len(values) > models.MAX_OPTIONS:
            raise serializers.ValidationError(
                _("A product has at most %(count)s options.") % {"count": models.MAX_OPTIONS}, code="max_length"
            )
        if not all(1 <= len(name) <= models.MAX_OPTION_LENGTH for name in values):
            text = _("The name of an option has 1 to %(count)s characters.")
            raise serializers.ValidationError(text % {"count": models.MAX_OPTION_LENGTH}, code="invalid_option")
        return values
