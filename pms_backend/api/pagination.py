"""Pages by cursor: a page costs the same wherever it lies, and no row is skipped while others are written."""

from typing import Any

from rest_framework import pagination
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


class CursorPagination(pagination.CursorPagination):
    """Newest first unless the view names another `ordering`, which must be of a unique column."""

    page_size = DEFAULT_PAGE_SIZE
    max_page_size = MAX_PAGE_SIZE
    page_size_query_param = "page_size"
    ordering = "-id"

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """The view's own ordering, where it has one."""
        ordering = getattr(view, "ordering", self.ordering)
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def decode_cursor(self, request: Request) -> Any:
        """A cursor that is none of ours is malformed, not missing."""
        try:
            return super().decode_cursor(request)
        except NotFound:
            raise ParseError("The cursor is not one that a page of ours gave.") from None
