"""The body that brings a file."""

from collections.abc import Mapping
from typing import IO, Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import MultiPartParser

from pms_integration.files.limits import MAX_FORM_BYTES


class FileParser(MultiPartParser):
    """`multipart/form-data` with one file, which goes to the disk; one that is too long is 413 before it is read."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """DRF's."""
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FORM_BYTES:
            raise RequestDataTooBig
        return super().parse(stream, media_type, dict(parser_context or {}))
