"""Headers of ours on a response, without the checks that Django makes for each: twelve function calls a header.

Only for names and values that are ASCII without line breaks, whatever clients send: constants, numbers, checked words.
"""

from collections.abc import Mapping

from django.http.response import HttpResponseBase

Prepared = Mapping[str, tuple[str, str]]


def prepared(headers: Mapping[str, str]) -> Prepared:
    """These headers in the form in which a response stores them."""
    return {name.lower(): (name, value) for name, value in headers.items()}


def add_headers(response: HttpResponseBase, headers: Prepared) -> None:
    """Adds those that the response does not have yet."""
    response.headers._store = {**headers, **response.headers._store}


def set_header(response: HttpResponseBase, name: str, value: str) -> None:
    """Sets one header."""
    response.headers._store[name.lower()] = (name, value)


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
