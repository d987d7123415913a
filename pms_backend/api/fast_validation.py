"""Input that is plainly what it should be, validated without DRF's machinery, which takes some twenty times as long.

A bulk of 10,000 rows would spend half of its time there. What is plain is judged by the serializer's own fields, so
that there is one set of rules. Anything else (a number in quotes, a space before a code, every mistake) is left to DRF,
which has the words for it.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

from django.core import validators
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from pms_backend.api import serializers

Reader = Callable[[Any], Any]


class FastValidator:
    """Validates as `serializer` does, and what is plain in a fraction of the time.

    Raises `TypeError` for a serializer of which that cannot be promised.
    """

    def __init__(self, serializer: serializers.Serializer[Any]) -> None:
        _require(not serializer.validators, serializer)
        for method in ("run_validation", "to_internal_value"):
            _require(_is_as_in(serializers.Serializer, serializer, method), serializer)
        self._serializer = serializer
        self._readers: dict[str, Reader] = {}
        self._required: set[str] = set()
        self._defaults: dict[str, Any] = {}
        for name, field in serializer.fields.items():
            _require(field.source == name and not field.read_only, field)
            self._readers[name] = _and_then(_reader_of(field), getattr(serializer, f"validate_{name}", None))
            if field.required:
                self._required.add(name)
            elif field.default is not serializers.empty:
                _require(not callable(field.default), field)
                self._defaults[name] = field.default

    def run_validation(self, data: Any) -> dict[str, Any]:
        """The validated data. Raises DRF's `ValidationError`."""
        try:
            return self._plainly(data)
        except (_NeedsFullValidation, serializers.ValidationError):
            validated: dict[str, Any] = self._serializer.run_validation(data)
            return validated

    def _plainly(self, data: Any) -> dict[str, Any]:
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
    """Nothing is wrong yet: DRF will judge."""


def _require(holds: bool, of: object) -> None:  # noqa: FBT001 - one assertion's condition
    if not holds:
        raise TypeError(f"{of!r} does more than what is plain can be judged by.")


def _and_then(reader: Reader, check: Reader | None) -> Reader:
    return reader if check is None else lambda value: check(reader(value))


def _reader_of(field: serializers.Field[Any, Any, Any, Any]) -> Reader:
    """Reads a plain value as the field does; raises `_NeedsFullValidation` for any other."""
    kind = next((kind for kind in type(field).__mro__ if kind in _MAKERS), serializers.Field)
    _require(kind in _MAKERS and _is_as_in(kind, field, "run_validation"), field)
    _require(kind is serializers.CharField or _is_as_in(kind, field, "to_internal_value"), field)
    return _MAKERS[kind](field)


def _is_as_in(kind: type, of: object, method: str) -> bool:
    return getattr(type(of), method) is getattr(kind, method)


def _text(field: Any) -> Reader:
    bounds = _bounds(field, validators.MinLengthValidator, validators.MaxLengthValidator)
    shortest, longest = max(bounds[0], 0 if field.allow_blank else 1), bounds[1]

    def read(value: Any) -> Any:
        # Of what is printable only the space is white, and nothing is a null character or a surrogate.
        if type(value) is str and shortest <= len(value) <= longest and value.isprintable() and value == value.strip():
            return value
        raise _NeedsFullValidation

    def read_and_clean(value: Any) -> Any:
        return read(field.to_internal_value(read(value)))

    return read if _is_as_in(serializers.CharField, field, "to_internal_value") else read_and_clean


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


def _truth(field: Any) -> Reader:
    _bounds(field)

    def read(value: Any) -> Any:
        if value is True or value is False:
            return value
        raise _NeedsFullValidation

    return read


def _list(field: Any) -> Reader:
    shortest, longest = _bounds(field, validators.MinLengthValidator, validators.MaxLengthValidator)
    shortest = max(shortest, 0 if field.allow_empty else 1)
    read_one = _reader_of(field.child)

    def read(value: Any) -> Any:
        if type(value) is list and shortest <= len(value) <= longest:
            return [read_one(one) for one in value]
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


_MAKERS: Final[dict[type, Callable[[Any], Reader]]] = {
    serializers.CharField: _text,
    serializers.IntegerField: _whole_number,
    serializers.ChoiceField: _choice,
    serializers.BooleanField: _truth,
    serializers.ListField: _list,
    serializers.DictField: _object,
}
# What the check of a text's characters includes.
_OF_CHARACTERS: Final = (validators.ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)


def _bounds(field: Any, least: type | None = None, most: type | None = None) -> tuple[int, int]:
    """What the field's validators say, which say no more than that."""
    found = {least: -sys.maxsize, most: sys.maxsize}
    for validator in field.validators:
        if not isinstance(validator, _OF_CHARACTERS):
            _require(type(validator) in found, field)
            found[type(validator)] = validator.limit_value
    return found[least], found[most]
