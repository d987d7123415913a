"""A fast path for validating common input; DRF's own validation takes ten times as long (ADR 0018).

The fast path reads its rules from the serializer's fields, so that there is one definition. Input that it cannot accept
(a number in quotes, a space before a code, any error) is validated again by DRF, which produces the error messages.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

from django.core import validators
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from pms_backend.api import serializers
from pms_backend.api.bulk import RowField

Reader = Callable[[Any], Any]


class FastValidator:
    """Validates as `serializer` does, but faster for input that needs no conversion.

    Raises `TypeError` for a serializer or a field whose rules the fast path does not know.
    """

    def __init__(self, serializer: serializers.Serializer[Any]) -> None:
        _require(not serializer.validators, serializer)
        for method in ("run_validation", "to_internal_value"):
            _require(_has_method_of(serializers.Serializer, serializer, method), serializer)
        self._serializer = serializer
        self._readers: dict[str, Reader] = {}
        self._required: set[str] = set()
        self._defaults: dict[str, Any] = {}
        for name, field in serializer.fields.items():
            _require(field.source == name and not field.read_only, field)
            self._readers[name] = _with_check(_reader_of(field), getattr(serializer, f"validate_{name}", None))
            if field.required:
                self._required.add(name)
            elif field.default is not serializers.empty:
                _require(not callable(field.default), field)
                self._defaults[name] = field.default

    def run_validation(self, data: Any) -> dict[str, Any]:
        """The validated data. Raises DRF's `ValidationError`."""
        try:
            return self._validate_fast(data)
        except (_NeedsFullValidation, serializers.ValidationError):
            validated: dict[str, Any] = self._serializer.run_validation(data)
            return validated

    def _validate_fast(self, data: Any) -> dict[str, Any]:
        if type(data) is not dict:
            raise _NeedsFullValidation
        readers = self._readers
        result = {name: readers[name](value) for name, value in data.items() if name in readers}
        if not result.keys() >= self._required:
            raise _NeedsFullValidation
        for name, default in self._defaults.items():
            result.setdefault(name, default)
        validated: dict[str, Any] = self._serializer.validate(result)
        return validated


class _NeedsFullValidation(Exception):
    """The fast path cannot accept the input; DRF has to validate it."""


def _require(condition: bool, subject: object) -> None:  # noqa: FBT001 - like an assertion
    if not condition:
        raise TypeError(f"{subject!r} does more than the fast path can check.")


def _with_check(reader: Reader, check: Reader | None) -> Reader:
    return reader if check is None else lambda value: check(reader(value))


def _reader_of(field: serializers.Field[Any, Any, Any, Any]) -> Reader:
    """A function that validates a value as the field does, or raises `_NeedsFullValidation`."""
    kind = next((kind for kind in type(field).__mro__ if kind in _READER_FACTORIES), serializers.Field)
    _require(kind in _READER_FACTORIES and _has_method_of(kind, field, "run_validation"), field)
    _require(kind is serializers.CharField or _has_method_of(kind, field, "to_internal_value"), field)
    return _READER_FACTORIES[kind](field)


def _has_method_of(kind: type, subject: object, method: str) -> bool:
    """Whether the class of `subject` does not override a method of `kind`."""
    return getattr(type(subject), method) is getattr(kind, method)


def _text(field: Any) -> Reader:
    shortest, longest = _lengths_of(field)

    def read(value: Any) -> Any:
        # The only printable whitespace is the space; NUL characters and surrogates are not printable.
        if type(value) is str and shortest <= len(value) <= longest and value.isprintable() and value == value.strip():
            return value
        raise _NeedsFullValidation

    # Of a text that `read` accepts, a cleaned field only has to clean.
    is_cleaned = isinstance(field, serializers.CleanedCharField)
    is_cleaned = is_cleaned and _has_method_of(serializers.CleanedCharField, field, "to_internal_value")
    clean = field.clean if is_cleaned else field.to_internal_value

    def read_and_clean(value: Any) -> Any:
        text = read(value)
        cleaned = clean(text)
        return text if cleaned is text else read(cleaned)

    return read if _has_method_of(serializers.CharField, field, "to_internal_value") else read_and_clean


def _whole_number(field: Any) -> Reader:
    least, most = _bounds(field, validators.MinValueValidator, validators.MaxValueValidator)

    def read(value: Any) -> Any:
        if type(value) is int and least <= value <= most:
            return value
        raise _NeedsFullValidation

    return read


def _choice(field: Any) -> Reader:
    _bounds(field)
    choices = field.choice_strings_to_values

    def read(value: Any) -> Any:
        if type(value) is str and value in choices:
            return choices[value]
        raise _NeedsFullValidation

    return read


def _boolean(field: Any) -> Reader:
    _bounds(field)

    def read(value: Any) -> Any:
        if value is True or value is False:
            return value
        raise _NeedsFullValidation

    return read


def _list(field: Any) -> Reader:
    shortest, longest = _bounds(field, validators.MinLengthValidator, validators.MaxLengthValidator)
    shortest = max(shortest, 0 if field.allow_empty else 1)
    read_item = _reader_of(field.child)
    is_plain = _plain_text_check_of(field.child)

    def read(value: Any) -> Any:
        if type(value) is list and shortest <= len(value) <= longest:
            return value if is_plain is not None and is_plain(value) else [read_item(item) for item in value]
        raise _NeedsFullValidation

    return read


def _plain_text_check_of(field: Any) -> Callable[[list[Any]], bool] | None:
    """A check of many values at once: whether the field, which is valid, accepts all of them as they are.

    That is printable ASCII without spaces, unless the field converts even that: one that does not says so by
    `keeps_plain_text`.
    """
    if not isinstance(field, serializers.CharField):
        return None
    if not (
        _has_method_of(serializers.CharField, field, "to_internal_value") or getattr(field, "keeps_plain_text", False)
    ):
        return None
    shortest, longest = _lengths_of(field)

    def is_plain(values: list[Any]) -> bool:
        if set(map(type, values)) != {str}:
            return False
        text = "".join(values)
        lengths = set(map(len, values))
        is_short = shortest <= min(lengths) and max(lengths) <= longest
        return is_short and text.isascii() and text.isprintable() and " " not in text

    return is_plain


def _lengths_of(field: Any) -> tuple[int, int]:
    bounds = _bounds(field, validators.MinLengthValidator, validators.MaxLengthValidator)
    return max(bounds[0], 0 if field.allow_blank else 1), bounds[1]


def _rows(field: Any) -> Reader:
    shortest = max(field.min_length or 0, 0 if field.allow_empty else 1)
    longest = sys.maxsize if field.max_length is None else field.max_length
    _require(not field.validators, field)
    read_row = FastValidator(field.child)._validate_fast

    def read(value: Any) -> Any:
        if type(value) is list and shortest <= len(value) <= longest:
            return [read_row(row) for row in value]
        raise _NeedsFullValidation

    return read


def _object(field: Any) -> Reader:
    _bounds(field)
    _require(field.allow_empty and type(field.child) is type(serializers.DictField().child), field)

    def read(value: Any) -> Any:
        if type(value) is dict:
            return value
        raise _NeedsFullValidation

    return read


_READER_FACTORIES: Final[dict[type, Callable[[Any], Reader]]] = {
    serializers.CharField: _text,
    serializers.IntegerField: _whole_number,
    serializers.ChoiceField: _choice,
    serializers.BooleanField: _boolean,
    serializers.ListField: _list,
    serializers.ListSerializer: _rows,
    serializers.DictField: _object,
    RowField: _object,
}
# `isprintable()` covers these validators.
_CHARACTER_VALIDATORS: Final = (validators.ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)


def _bounds(field: Any, least: type | None = None, most: type | None = None) -> tuple[int, int]:
    """The limits that the field's validators set. Raises TypeError if it has other validators."""
    found = {least: -sys.maxsize, most: sys.maxsize}
    for validator in field.validators:
        if not isinstance(validator, _CHARACTER_VALIDATORS):
            _require(type(validator) in found, field)
            found[type(validator)] = validator.limit_value
    return found[least], found[most]
