"""Parses and checks the URLs of outgoing calls."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import httpx
import idna

from pms_backend.outbound.exceptions import Forbidden
from pms_backend.outbound.networks import IPAddress

MAX_URL_LENGTH: Final = 2_048
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_NOT_IN_URLS: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
# Browsers and resolvers read a name whose last label is a number as an IPv4 address; no DNS name has such a label.
_ENDS_IN_A_NUMBER: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
# RFC 5890: the prefix of an internationalized label.
_A_LABEL: Final = "xn--"
MAX_NAME_LENGTH: Final = 253
MAX_LABEL_LENGTH: Final = 63


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL: `host` is a lower-case name without a trailing dot, or an address."""

    url: httpx.URL
    host: str
    port: int

    @property
    def address(self) -> IPAddress | None:
        """The host as an address; None if it is a name."""
        return literal(self.host)

    def redirected_to(self, location: str) -> "Target":
        """The target of a redirect. Raises `Forbidden`."""
        try:
            url = self.url.join(location)
        except (httpx.InvalidURL, ValueError) as error:
            raise Forbidden(f"The redirect leads to no URL: {error}") from None
        return parse_target(url)


def literal(host: str) -> IPAddress | None:
    """The host as an address in the usual notation; None if it is not one."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def parse_target(url: str | httpx.URL) -> Target:
    """Parses a URL. Raises `Forbidden` if it is not a plain http or https URL."""
    text = str(url)
    if len(text) > MAX_URL_LENGTH or _NOT_IN_URLS.search(text):
        raise Forbidden("This is no URL: it has spaces or control characters, or is too long.")
    try:
        parsed = httpx.URL(url)
        raw_host = parsed.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError) as error:
        raise Forbidden(f"This is no URL: {error}") from None
    if parsed.scheme not in DEFAULT_PORTS:
        raise Forbidden("Only http and https URLs are called.")
    if parsed.userinfo or "@" in _AUTHORITY_END.split(text.partition("//")[2], maxsplit=1)[0]:
        raise Forbidden("A URL with a user name or a password is not called.")
    port = parsed.port if parsed.port is not None else DEFAULT_PORTS[parsed.scheme]
    if not 1 <= port <= 65_535:
        raise Forbidden("The URL's port is not valid.")
    host = _host(raw_host.lower())
    return Target(parsed.copy_with(host=host, fragment=None), host, port)


def _host(host: str) -> str:
    address = literal(host)
    if isinstance(address, IPv4Address) or (isinstance(address, IPv6Address) and address.scope_id is None):
        return str(address)
    host = host.removesuffix(".")
    if not _NAME.fullmatch(host) or len(host) > MAX_NAME_LENGTH:
        raise Forbidden("The URL's host is no name of the DNS.")
    for label in host.split("."):
        _check_label(label)
    if _ENDS_IN_A_NUMBER.fullmatch(host):
        raise Forbidden("The URL's host is an address in an unusual spelling.")
    return host


def _check_label(label: str) -> None:
    if len(label) > MAX_LABEL_LENGTH:
        raise Forbidden(f"A part of the URL's host has more than {MAX_LABEL_LENGTH} characters.")
    if label.startswith(_A_LABEL):
        try:
            idna.ulabel(label)
        except idna.IDNAError as error:
            # httpx decodes such a name when it compares URLs, and fails if it cannot.
            raise Forbidden(f"The URL's host is no name that IDNA knows: {error}") from None
