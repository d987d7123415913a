"""DRF's serializers with strict fields; every serializer imports them from here.

DRF's own fields accept every spelling that Python reads: `"1_000"`, `" 5 "` and Arabic digits for numbers, `"yes"` and
`1` for true, and a JSON number for a text, of which a float may have lost digits.
"""

import re
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.serializers import (
    BaseSerializer,
    ChoiceField,
    DateTimeField,
    DictField,
    Field,
    FileField,
    JSONField,
    ListField,
    ListSerializer,
    MultipleChoiceField,
    RegexField,
    Serializer,
    SerializerMethodField,
    ValidationError,
    empty,
)

from pms_backend.api.exact_json import decimal_of

Row = TypeVar("Row", bound=models.Model)

WHOLE_NUMBER: Final = re.compile(r"-?[0-9]+")
DECIMAL_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class IntegerField(serializers.IntegerField):
    """A JSON number without a fraction, or a text of ASCII digits."""

    def to_internal_value(self, data: Any) -> int:
        """The number."""
        if isinstance(data, str):
            if len(data) > self.MAX_STRING_LENGTH:
                self.fail("max_string_length", max_length=self.MAX_STRING_LENGTH)
            if not WHOLE_NUMBER.fullmatch(data):
                self.fail("invalid")
        elif isinstance(data, float):
            # In JSON 1.0 and 1 are the same number.
            data = decimal_of(data)
            if not data.is_finite() or data != data.to_integral_value():
                self.fail("invalid")
        elif type(data) is not int:
            self.fail("invalid")
        return int(data)


class DecimalField(serializers.DecimalField):
    """A JSON number, digit for digit, or a text of ASCII digits with at most one point."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """An empty text is an error, where DRF reads it as null."""
        return serializers.Field.validate_empty_values(self, data)

    def to_internal_value(self, data: Any) -> Any:
        """The number, within the field's digits."""
        if isinstance(data, float):
            data = decimal_of(data)
        elif isinstance(data, str):
            if len(data) <= self.MAX_STRING_LENGTH and not DECIMAL_NUMBER.fullmatch(data):
                self.fail("invalid")
        elif type(data) not in (int, Decimal):
            self.fail("invalid")
        return super().to_internal_value(data)


class CharField(serializers.CharField):
    """A text or a whole number. Other numbers are errors: 1.50 may have been sent as 1.5."""

    def to_internal_value(self, data: Any) -> str:
        """The text."""
        if isinstance(data, float):
            self.fail("invalid")
        return super().to_internal_value(data)


class CleanedCharField(CharField):
    """A text that is stored in another form; a subclass defines `clean`."""

    def to_internal_value(self, data: Any) -> str:
        """The text in that form."""
        return self.clean(super().to_internal_value(data))

    def clean(self, text: str) -> str:
        """The text in that form. Raises `ValidationError`."""
        raise NotImplementedError


class SlugField(CharField, serializers.SlugField):
    """A text of letters, digits, hyphens and underscores."""


class BooleanField(serializers.BooleanField):
    """JSON's true or false."""

    def to_internal_value(self, data: Any) -> bool:
        """The value."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class SlugRelatedField(serializers.SlugRelatedField[Row]):
    """A row, identified by a text."""

    def to_internal_value(self, data: Any) -> Row:
        """The row. A value that is not a text is an error."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ModelSerializer(serializers.ModelSerializer[Row]):
    """Maps a model's columns to the fields of this module."""

    serializer_field_mapping = {
        column: {
            serializers.IntegerField: IntegerField,
            serializers.DecimalField: DecimalField,
            serializers.CharField: CharField,
            serializers.SlugField: SlugField,
            serializers.BooleanField: BooleanField,
        }.get(field, field)
        for column, field in serializers.ModelSerializer.serializer_field_mapping.items()
    }
    serializer_related_to_field = SlugRelatedField
