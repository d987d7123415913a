"""How long a body may be: at an address, before any of it is read."""

from typing import Any, Final

from django.conf import settings
from django.urls import Resolver404, resolve

from pms_backend.api.exceptions import is_page
from pms_backend.api.limits import MAX_BODY_BYTES, MAX_UPLOAD_BYTES

# Files go to the disk, and their views say how long they may be: in `max_form_bytes`.
FORM_WITH_FILES: Final = "multipart/form-data"


def media_type_of(content_type: str) -> str:
    """A Content-Type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def longest_body(view: Any, path: str, content_type: str) -> int:
    """How many bytes of this type the view behind a path takes. A form of the admin may hold the largest file."""
    if media_type_of(content_type) != FORM_WITH_FILES:
        return MAX_BODY_BYTES
    if is_page(path):
        return MAX_UPLOAD_BYTES
    largest: int = getattr(getattr(view, "cls", None), "max_form_bytes", MAX_BODY_BYTES)
    return largest


def longest_body_at(path: str, content_type: str, length: int, *, has_credentials: bool) -> int:
    """The same of an address, for a body that says it has `length` bytes.

    A body that no view reads is as long as an ordinary one, and so is one without credentials of any kind.
    """
    if length <= MAX_BODY_BYTES and length:
        return MAX_BODY_BYTES
    if not has_credentials:
        return MAX_BODY_BYTES
    try:
        view = resolve(path, urlconf=settings.ROOT_URLCONF).func
    except Resolver404:
        return MAX_BODY_BYTES
    return longest_body(view, path, content_type)
