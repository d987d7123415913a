"""Pages by cursor: a page costs the same wherever it lies, and no row is skipped while others are written."""

import base64
import re
from typing import Any, Final

from django.core.exceptions import ValidationError
from rest_framework import pagination
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
# No address has room for so many more that Python would not read them.
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,1000}")
NOT_OURS: Final = "The cursor is not one that a page of ours gave."


class CursorPagination(pagination.CursorPagination):
    """Newest first unless the view names another `ordering`, which must be of a unique column."""

    page_size = DEFAULT_PAGE_SIZE
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"
    ordering = "-id"

    def get_page_size(self, request: Request) -> int:
        """As is asked for, at most `max_page_size`. Raises `ParseError` for what is no whole number above 0."""
        size = request.query_params.get(self.page_size_query_param)
        if size is None:
            return self.page_size
        if not _WHOLE_NUMBER.fullmatch(size) or int(size) < 1:
            raise ParseError("`page_size` is a whole number from 1 on.")
        return min(int(size), self.max_page_size)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """The view's own ordering, where it has one."""
        ordering = getattr(view, "ordering", self.ordering)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """A page; a cursor whose position is no value of the ordering's column is malformed too."""
        if self.cursor_query_param not in request.query_params:
            return super().paginate_queryset(queryset, request, view)
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError):
            raise ParseError(NOT_OURS) from None

    def decode_cursor(self, request: Request) -> Any:
        """A cursor that is none of ours is malformed, not missing."""
        try:
            base64.b64decode(request.query_params.get(self.cursor_query_param, ""), validate=True)
            return super().decode_cursor(request)
        except (NotFound, ValueError):
            raise ParseError(NOT_OURS) from None

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """DRF's, with the least and the largest size."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"]["minimum"] = 1
                parameter["description"] = f"Rows of a page; more than {self.max_page_size} are {self.max_page_size}."
        return parameters

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What a page looks like; OpenAPI 3.1 knows no `nullable`."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }
