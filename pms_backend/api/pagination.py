"""Pages by cursor: each costs the same, and no row is skipped while others are written."""

import base64
import re
from typing import Any, Final

from django.core.exceptions import ValidationError
from rest_framework import pagination
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
# Python refuses to read more than 4,300 digits.
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,1000}")
INVALID_CURSOR: Final = "The cursor is not one that a page of ours gave."


class CursorPagination(pagination.CursorPagination):
    """Newest first unless the view names another `ordering`, which must be of a unique column."""

    page_size = DEFAULT_PAGE_SIZE
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"
    ordering = "-id"

    def get_page_size(self, request: Request) -> int:
        """The requested size, at most `max_page_size`. Raises `ParseError` if it is not a whole number above 0."""
        size = request.query_params.get(self.page_size_query_param)
        if size is None:
            return self.page_size
        if not _WHOLE_NUMBER.fullmatch(size) or int(size) < 1:
            raise ParseError("`page_size` is a whole number from 1 on.")
        return min(int(size), self.max_page_size)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """The view's `ordering`, or the default."""
        ordering = getattr(view, "ordering", self.ordering)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """The rows of the page. A cursor whose position does not fit the ordering's column is 400 too."""
        if self.cursor_query_param not in request.query_params:
            return super().paginate_queryset(queryset, request, view)
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError):
            raise ParseError(INVALID_CURSOR) from None

    def decode_cursor(self, request: Request) -> Any:
        """DRF's, but an invalid cursor is 400 instead of 404."""
        try:
            base64.b64decode(request.query_params.get(self.cursor_query_param, ""), validate=True)
            return super().decode_cursor(request)
        except (NotFound, ValueError):
            raise ParseError(INVALID_CURSOR) from None

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """DRF's, with the smallest and the largest page size."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"]["minimum"] = 1
                parameter["description"] = f"Rows of a page; more than {self.max_page_size} are {self.max_page_size}."
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema of a page; OpenAPI 3.1 has no `nullable`."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "example": "https://pms.example.com/api/v1/LIST/?cursor=cD0yMDI2"},
                "previous": {**link, "example": None},
                "results": schema,
            },
        }
