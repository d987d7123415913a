"""Headers of ours on a response, without the checks that Django makes for each: twelve function calls a header.

Only for names and values that are ASCII without line breaks, whatever clients send: constants, numbers, checked words.
"""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Final

from django.http import HttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders

Prepared = Mapping[str, tuple[str, str]]

# The attributes of a response as Django makes it; those that are changed in place are made anew for each. Without a
# content type it would read the settings, which may not be configured yet.
_BLANK: Final = HttpResponse(content_type="application/json").__dict__


def prepared(headers: Mapping[str, str]) -> Prepared:
    """These headers in the form in which a response stores them."""
    return {name.lower(): (name, value) for name, value in headers.items()}


def add_headers(response: HttpResponseBase, headers: Prepared) -> None:
    """Adds those that the response does not have yet."""
    response.headers._store = {**headers, **response.headers._store}


def response_of(body: bytes, headers: Prepared, *, status: int) -> HttpResponse:
    """A response with these headers and no others, in six function calls: Django's constructor takes 24."""
    response = HttpResponse.__new__(HttpResponse)
    made = ResponseHeaders.__new__(ResponseHeaders)
    made._store = {**headers}
    response.__dict__.update(
        _BLANK, status_code=status, headers=made, cookies=SimpleCookie(), _resource_closers=[], _container=[body]
    )
    return response


def set_header(response: HttpResponseBase, name: str, value: str) -> None:
    """Sets one header."""
    response.headers._store[name.lower()] = (name, value)


def set_headers(response: HttpResponseBase, headers: Prepared) -> None:
    """Sets these headers."""
    response.headers._store.update(headers)


def header_of(response: HttpResponseBase, lower_name: str) -> str:
    """The value of this header; empty if the response does not have it."""
    found = response.headers._store.get(lower_name)
    return "" if found is None else found[1]


def pairs_of(response: HttpResponseBase) -> list[tuple[str, str]]:
    """All headers of the response, cookies included, as WSGI wants them."""
    pairs = list(response.headers._store.values())
    if response.cookies:
        pairs.extend(("Set-Cookie", cookie.output(header="").strip()) for cookie in response.cookies.values())
    return pairs
