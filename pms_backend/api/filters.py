"""Filters of lists by django-filter; an invalid value or an unknown parameter is 422."""

from collections.abc import Iterator, Set
from datetime import datetime
from typing import Any, Final

import django_filters
from django import forms
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from pms_backend.api.forms import PlainIntegerField
from pms_backend.api.moments import OUT_OF_BOUNDS_CODE, OutOfBounds, parse_moment

BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


class BooleanField(forms.Field):
    """`true` or `false`; anything else is an error, where Django's own field would ignore it."""

    def to_python(self, value: Any) -> bool | None:
        """The value; None for an empty one."""
        if value in self.empty_values:
            return None
        word = str(value).lower()
        if word not in BOOLEANS:
            raise forms.ValidationError("It is true or false.", code="invalid")
        return BOOLEANS[word]


class IdFilter(django_filters.Filter):
    """A filter by a row's id."""

    field_class = PlainIntegerField


class BooleanFilter(django_filters.BooleanFilter):
    """A filter that is `true` or `false`."""

    field_class = BooleanField  # type: ignore[assignment]  # django-filter's accepts any word as true


class MomentFormField(forms.Field):
    """A moment in a query parameter."""

    def to_python(self, value: Any) -> datetime | None:
        """The moment; None for an empty value."""
        if value in self.empty_values:
            return None
        try:
            return parse_moment(str(value).strip())
        except OutOfBounds as error:
            raise forms.ValidationError(str(error), code=OUT_OF_BOUNDS_CODE) from None
        except ValueError as error:
            raise forms.ValidationError(str(error), code="invalid") from None


class MomentFilter(django_filters.IsoDateTimeFilter):
    """A filter by a moment, with the format and bounds of `pms_backend.api.moments`."""

    field_class = MomentFormField  # type: ignore[assignment]  # django-filter's accepts week dates and moments without an offset


def refuse_unknown(request: Request, *, known: Set[str]) -> None:
    """Raises `ValidationError` for query parameters that are not `known`.

    If a misspelt filter were ignored, the response would show all rows.
    """
    if unknown := sorted(set(request.query_params) - known):
        raise ValidationError({name: ["There is no such filter."] for name in unknown}, code="unknown_filter")


class FilterBackend(DjangoFilterBackend):
    """Applies the view's `filterset_class`; an invalid value and an unknown name are 422.

    An empty value finds nothing: a caller sends it whose variable is empty by mistake, and ignoring the filter, as
    django-filter does, would show all rows.
    """

    page_parameters = frozenset({"cursor", "page_size", "format"})

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:  # type: ignore[override]  # DRF's request
        """The rows that match the query parameters."""
        filterset = self.get_filterset(request, queryset, view)
        names = set(filterset.filters) if filterset is not None else set()
        refuse_unknown(request, known=names | self.page_parameters)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise ValidationError(filterset.errors)
        if any(map(_is_empty, selecting_values(filterset, request))):
            return queryset.none()
        return filterset.qs


def selecting_values(filterset: django_filters.FilterSet, request: Request) -> Iterator[str]:
    """The values of the filters that select rows; filters that only sort or shape them have `selects_rows = False`."""
    for name, one in filterset.filters.items():
        if name in request.query_params and getattr(one, "selects_rows", True):
            yield request.query_params[name]


def _is_empty(text: str) -> bool:
    return not text.strip()
