"""How long a request body may be, known before any of it is read."""

from typing import Any, Final

from django.conf import settings
from django.urls import Resolver404, resolve

from pms_backend.api.exceptions import is_page
from pms_backend.api.limits import MAX_BODY_BYTES, MAX_UPLOAD_BYTES

# Files are spooled to disk; views that accept larger ones set `max_form_bytes`.
FORM_WITH_FILES: Final = "multipart/form-data"


def media_type_of(content_type: str) -> str:
    """A Content-Type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def max_body_bytes(view: Any, path: str, content_type: str) -> int:
    """How long a body of this type may be for a view. Forms of the admin may hold the largest file."""
    if media_type_of(content_type) != FORM_WITH_FILES:
        return MAX_BODY_BYTES
    if is_page(path):
        return MAX_UPLOAD_BYTES
    largest: int = getattr(getattr(view, "cls", None), "max_form_bytes", MAX_BODY_BYTES)
    return largest


def max_body_bytes_at(path: str, content_type: str, *, has_credentials: bool) -> int:
    """How long a body may be at a path; without credentials, or without a view, as long as an ordinary body."""
    if not has_credentials:
        return MAX_BODY_BYTES
    try:
        view = resolve(path, urlconf=settings.ROOT_URLCONF).func
    except Resolver404:
        return MAX_BODY_BYTES
    return max_body_bytes(view, path, content_type)
