"""A URL taken apart, if it is one that we may call at all."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import httpx

from pms_backend.outbound.exceptions import Forbidden
from pms_backend.outbound.networks import IPAddress

MAX_URL_LENGTH: Final = 2_048
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_NOT_IN_URLS: Final = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_AUTHORITY_END: Final = re.compile(r"[/?#]")
_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
# Browsers and resolvers take a name whose last label is a number for an IPv4 address, in whatever spelling; no name
# of the DNS ends so.
_ENDS_IN_A_NUMBER: Final = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")
MAX_NAME_LENGTH: Final = 253


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: `host` is a name in lower case without a dot at its end, or an address."""

    url: httpx.URL
    host: str
    port: int

    @property
    def address(self) -> IPAddress | None:
        """The host, where it is an address and no name."""
        return literal(self.host)


def literal(host: str) -> IPAddress | None:
    """The address that a host is in its usual spelling."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def parse_target(url: str | httpx.URL) -> Target:
    """Where a URL leads. Raises `Forbidden` where it is no plain http or https URL."""
    text = str(url)
    if len(text) > MAX_URL_LENGTH or _NOT_IN_URLS.search(text):
        raise Forbidden("This is no URL: it has spaces or control characters, or is too long.")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise Forbidden(f"This is no URL: {error}") from None
    if parsed.scheme not in DEFAULT_PORTS:
        raise Forbidden("Only http and https URLs are called.")
    if parsed.userinfo or "@" in _AUTHORITY_END.split(text.partition("//")[2], maxsplit=1)[0]:
        raise Forbidden("A URL with a user name or a password is not called.")
    port = parsed.port if parsed.port is not None else DEFAULT_PORTS[parsed.scheme]
    if not 1 <= port <= 65_535:
        raise Forbidden("The URL's port is none.")
    host = _host(parsed)
    return Target(parsed.copy_with(host=host, fragment=None), host, port)


def _host(url: httpx.URL) -> str:
    host = url.raw_host.decode("ascii").lower()
    address = literal(host)
    if isinstance(address, IPv4Address) or (isinstance(address, IPv6Address) and address.scope_id is None):
        return str(address)
    host = host.removesuffix(".")
    if not _NAME.fullmatch(host) or len(host) > MAX_NAME_LENGTH:
        raise Forbidden("The URL's host is no name of the DNS.")
    if _ENDS_IN_A_NUMBER.fullmatch(host):
        raise Forbidden("The URL's host is an address in an unusual spelling.")
    return host
