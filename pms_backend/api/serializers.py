"""DRF's serializers, whose fields take a value only as what it is; this is where every serializer has them from.

DRF's own take whatever Python can read: `"1_000"`, `" 5 "` and Arabic digits for numbers, `"yes"` and `1` for true,
and a JSON number for a text, of which they write down the digits that a float has kept.
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
    ListField,
    MultipleChoiceField,
    RegexField,
    Serializer,
    SerializerMethodField,
    ValidationError,
    empty,
)

from pms_backend.api.exact_json import decimal_of

__all__ = [
    "BaseSerializer",
    "BooleanField",
    "CharField",
    "ChoiceField",
    "DateTimeField",
    "DecimalField",
    "DictField",
    "ErrorDetail",
    "Field",
    "FileField",
    "IntegerField",
    "ListField",
    "ModelSerializer",
    "MultipleChoiceField",
    "RegexField",
    "Serializer",
    "SerializerMethodField",
    "SlugField",
    "SlugRelatedField",
    "ValidationError",
    "empty",
]

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
            # In JSON 1.0 is the same number as 1.
            data = decimal_of(data)
            if not data.is_finite() or data != data.to_integral_value():
                self.fail("invalid")
        elif type(data) is not int:
            self.fail("invalid")
        return int(data)


class DecimalField(serializers.DecimalField):
    """A JSON number, digit for digit, or a text of ASCII digits with at most one point."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """An empty text is no number, where DRF takes it for null."""
        return serializers.Field.validate_empty_values(self, data)

    def to_internal_value(self, data: Any) -> Any:
        """The number, which fits the field's digits."""
        if isinstance(data, float):
            data = decimal_of(data)
        elif isinstance(data, str):
            if len(data) <= self.MAX_STRING_LENGTH and not DECIMAL_NUMBER.fullmatch(data):
                self.fail("invalid")
        elif type(data) not in (int, Decimal):
            self.fail("invalid")
        return super().to_internal_value(data)


class CharField(serializers.CharField):
    """A text, or a whole number, of which every digit stays; of 1.50 nobody knows whether 1.5 was meant."""

    def to_internal_value(self, data: Any) -> str:
        """The text."""
        if isinstance(data, float):
            self.fail("invalid")
        return super().to_internal_value(data)


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
    """A row, named by a text."""

    def to_internal_value(self, data: Any) -> Row:
        """The row; what is no text names none."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ModelSerializer(serializers.ModelSerializer[Row]):
    """Of a model's fields it makes those of this module."""

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
