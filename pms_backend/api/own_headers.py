"""Headers whose values are our own: visible ASCII characters, nothing of the request."""

from collections.abc import Mapping

from django.http.response import HttpResponseBase


def set_headers(response: HttpResponseBase, headers: Mapping[str, str]) -> None:
    """Sets headers without Django's check of each character, which takes a sixth of the time of a cached response."""
    stored = response.headers._store  # Django's, by names in lower case
    for name, value in headers.items():
        stored[name.lower()] = name, value
