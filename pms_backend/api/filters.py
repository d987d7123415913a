"""Filters by django-filter, whose errors are problems like any other."""

from collections.abc import Iterator, Set
from datetime import datetime
from typing import Any, Final

import django_filters
from django import forms
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from pms_backend.api.forms import IntegerField
from pms_backend.api.moments import OUT_OF_BOUNDS_CODE, OutOfBounds, parse_moment

WORDS: Final = {"true": True, "1": True, "false": False, "0": False}


class BooleanField(forms.Field):
    """`true` or `false`; anything else is an error, where Django's own field would take it for no value at all."""

    def to_python(self, value: Any) -> bool | None:
        """The value, nothing where there is none."""
        if value in self.empty_values:
            return None
        word = str(value).lower()
        if word not in WORDS:
            raise forms.ValidationError("It is true or false.", code="invalid")
        return WORDS[word]


class IdFilter(django_filters.Filter):
    """A filter by the number of a row."""

    field_class = IntegerField


class BooleanFilter(django_filters.BooleanFilter):
    """A filter that is `true` or `false`."""

    field_class = BooleanField  # type: ignore[assignment]  # theirs takes any word for a yes


class MomentFormField(forms.Field):
    """A moment in a query."""

    def to_python(self, value: Any) -> datetime | None:
        """The moment, nothing where there is none."""
        if value in self.empty_values:
            return None
        try:
            return parse_moment(str(value).strip())
        except OutOfBounds as error:
            raise forms.ValidationError(str(error), code=OUT_OF_BOUNDS_CODE) from None
        except ValueError as error:
            raise forms.ValidationError(str(error), code="invalid") from None


class MomentFilter(django_filters.IsoDateTimeFilter):
    """A filter by a moment, which is written and bounded as everywhere."""

    field_class = MomentFormField  # type: ignore[assignment]  # theirs takes week dates and moments without an offset


def refuse_unknown(request: Request, *, known: Set[str]) -> None:
    """Raises `ValidationError` for query parameters of other names.

    A misspelt filter that is silently ignored shows everything, which is the worst of the possible answers.
    """
    if unknown := sorted(set(request.query_params) - known):
        raise ValidationError({name: ["There is no such filter."] for name in unknown}, code="unknown_filter")


class FilterBackend(DjangoFilterBackend):
    """Applies the view's `filterset_class`; a value that cannot be read is 422, an unknown name is 422 too.

    An empty value finds nothing: it is what a caller sends whose variable is empty, and Django's "no filter" would show
    everything.
    """

    known_to_the_page = frozenset({"cursor", "page_size", "format"})

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:  # type: ignore[override]  # DRF's request
        """The rows that the query parameters leave."""
        filterset = self.get_filterset(request, queryset, view)
        names = set(filterset.filters) if filterset is not None else set()
        refuse_unknown(request, known=names | self.known_to_the_page)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise ValidationError(filterset.errors)
        if any(map(_is_empty, asked_of(filterset, request))):
            return queryset.none()
        return filterset.qs


def asked_of(filterset: django_filters.FilterSet, request: Request) -> Iterator[str]:
    """What is asked of the filters that choose rows; `is_choosing` is False for those that say how rows are shown."""
    for name, one in filterset.filters.items():
        if name in request.query_params and getattr(one, "is_choosing", True):
            yield request.query_params[name]


def _is_empty(text: str) -> bool:
    return not text.strip()
