"""Content negotiation."""

from collections.abc import Iterable
from typing import Any, Final

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

ANYTHING: Final = "*/*"


class ContentNegotiation(DefaultContentNegotiation):
    """DRF's, with a fast path for `Accept: */*` and for exactly the view's first media types."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> Any:
        """The renderer and its media type. Raises `NotAcceptable`, and 404 for an unknown `format`."""
        first = next(iter(renderers))
        names_format = format_suffix or (request.META.get("QUERY_STRING") and "format" in request.query_params)
        if not names_format and request.META.get("HTTP_ACCEPT", ANYTHING) in (ANYTHING, first.media_type):
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """The parser of the body's media type; None if there is none."""
        first = next(iter(parsers), None)
        if first is not None and request.META.get("CONTENT_TYPE") == first.media_type:
            return first
        return super().select_parser(request, parsers)
