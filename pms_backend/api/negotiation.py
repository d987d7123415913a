"""In which form an answer is sent."""

from collections.abc import Iterable
from typing import Any, Final

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

ANYTHING: Final = "*/*"


class ContentNegotiation(DefaultContentNegotiation):
    """DRF's; whoever takes anything, or names the view's first form and no other, is spared the comparing."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> Any:
        """The renderer and its media type. Raises `NotAcceptable`, and 404 for a `format` that is none."""
        first = next(iter(renderers))
        names_one = format_suffix or (request.META.get("QUERY_STRING") and "format" in request.query_params)
        if not names_one and request.META.get("HTTP_ACCEPT", ANYTHING) in (ANYTHING, first.media_type):
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)
