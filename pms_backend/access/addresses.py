"""The address a request came from, as far as it can be believed."""

import functools
import ipaddress
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

IPV6_PREFIX_LENGTH = 64

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(request: HttpRequest) -> str:
    """The nearest address that is no trusted proxy's; an IPv6 one as its /64, which is what one customer has."""
    return address_of(
        peer=request.META.get("REMOTE_ADDR", ""), forwarded_for=request.headers.get("X-Forwarded-For", "")
    )


def address_of(*, peer: str, forwarded_for: str) -> str:
    """The same of a connection that is no Django request: by its other end and its X-Forwarded-For."""
    trusted = trusted_proxies()
    if not forwarded_for:
        return _address_of_peer(peer)
    forwarded = [part.strip() for part in forwarded_for.split(",") if part.strip()]
    return _nearest_untrusted([*forwarded, peer], trusted)


# Most requests come from where others have come from just before. What a caller writes into a header is not remembered:
# it may be as long as headers may be.
@functools.lru_cache(maxsize=1_000)
def _address_of_peer(peer: str) -> str:
    return _nearest_untrusted([peer], ())


def trusted_proxies() -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks of TRUSTED_PROXIES. Raises `ImproperlyConfigured`."""
    try:
        return [ipaddress.ip_network(cidr) for cidr in settings.TRUSTED_PROXIES]
    except ValueError as error:
        raise ImproperlyConfigured(f"TRUSTED_PROXIES must be CIDRs such as 10.0.0.0/8: {error}.") from None


def _nearest_untrusted(hops: Sequence[str], trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> str:
    believed = "unknown"
    for hop in reversed(hops):
        try:
            address = _plain(ipaddress.ip_address(hop))
        except ValueError:
            break
        believed = _customer(address)
        if not any(address in network for network in trusted):
            break
    return believed


def _plain(address: Address) -> Address:
    """An IPv4 address that comes in IPv6's clothes, as a dual-stack socket shows it, without them."""
    return getattr(address, "ipv4_mapped", None) or address


def _customer(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_LENGTH), strict=False).network_address)
