"""The formats of an export, and how a request chooses one."""

from collections.abc import Iterable

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from pms_backend.api import serializers
from pms_backend.api.renderers import JSONRenderer


class CSVRenderer(JSONRenderer):
    """CSV, which the view streams; what is rendered here are problems, in JSON."""

    media_type = "text/csv"
    format = "csv"


class JSONLinesRenderer(JSONRenderer):
    """JSON Lines, as above."""

    media_type = "application/jsonl"
    format = "jsonl"


class ByFormat(DefaultContentNegotiation):
    """`?format=` alone decides, the first renderer without it: a browser's Accept names neither. OPTIONS are JSON."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer and its type. Raises `ValidationError` for another format."""
        if request.method == "OPTIONS":
            return JSONRenderer(), JSONRenderer.media_type
        known = {str(renderer.format): renderer for renderer in renderers}
        wanted = request.query_params.get("format", next(iter(known)))
        if wanted not in known:
            raise serializers.ValidationError({"format": f"One of {', '.join(known)}."}, code="invalid_choice")
        return known[wanted], known[wanted].media_type
