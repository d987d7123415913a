"""The address of the client that sent a request, behind trusted proxies."""

import functools
import ipaddress
from collections.abc import Sequence
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

IPV6_PREFIX_LENGTH = 64
_NOTED: Final = "pms.client_address"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(request: HttpRequest) -> str:
    """The nearest address that is not a trusted proxy; an IPv6 address as its /64, the usual size of one customer.

    It is noted on the request, since the limit of the address and the line in the log both ask for it.
    """
    sent = request.META
    if _NOTED in sent:
        noted: str = sent[_NOTED]
        return noted
    address = address_of(peer=sent.get("REMOTE_ADDR", ""), forwarded_for=sent.get("HTTP_X_FORWARDED_FOR", ""))
    sent[_NOTED] = address
    return address


def address_of(*, peer: str, forwarded_for: str) -> str:
    """The client's address, from the peer of a connection and its X-Forwarded-For header."""
    trusted = trusted_proxies()
    if not forwarded_for:
        return _address_of_peer(peer)
    forwarded = [part.strip() for part in forwarded_for.split(",") if part.strip()]
    return _nearest_untrusted([*forwarded, peer], trusted)


# Only peers are cached. A header is written by the caller and may be long.
@functools.lru_cache(maxsize=1_000)
def _address_of_peer(peer: str) -> str:
    return _nearest_untrusted([peer], ())


def trusted_proxies() -> tuple[Network, ...]:
    """The networks of TRUSTED_PROXIES. Raises `ImproperlyConfigured`."""
    return _networks(tuple(settings.TRUSTED_PROXIES))


@functools.lru_cache(maxsize=8)
def _networks(cidrs: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(cidr) for cidr in cidrs)
    except ValueError as error:
        raise ImproperlyConfigured(f"TRUSTED_PROXIES must be CIDRs such as 10.0.0.0/8: {error}.") from None


def _nearest_untrusted(hops: Sequence[str], trusted: Sequence[Network]) -> str:
    nearest = "unknown"
    for hop in reversed(hops):
        try:
            address = _without_mapping(ipaddress.ip_address(hop))
        except ValueError:
            break
        nearest = _customer(address)
        if not any(address in network for network in trusted):
            break
    return nearest


def _without_mapping(address: Address) -> Address:
    """The IPv4 address inside of an IPv4-mapped IPv6 one, which dual-stack sockets report."""
    return getattr(address, "ipv4_mapped", None) or address


def _customer(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_LENGTH), strict=False).network_address)
