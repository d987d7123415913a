"""The guard against server-side request forgery: callers must not make us call addresses that only we can reach.

A URL is checked when it is given, so that the caller gets the error at once, and again by `connecting` at the address
that is connected to, since a name may resolve to another address by then. `OUTBOUND_ALLOW` names exceptions.
"""

import functools
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from pms_backend.outbound.exceptions import Forbidden, Unreachable
from pms_backend.outbound.networks import IPAddress, is_public, unwrapped
from pms_backend.outbound.targets import Target, literal, parse_target
from pms_backend.outbound.transactions import require_no_transaction

# The caller waits for it; the name is looked up again when it is called.
CHECK_SECONDS: Final = 2.0
MUST_BE: Final = "OUTBOUND_ALLOW must be names, name:port or CIDRs such as pms.internal:8443,10.1.0.0/16"


@dataclass(frozen=True, slots=True)
class AllowedDestination:
    """An entry of `OUTBOUND_ALLOW`: a host name or a network; `port` None means any."""

    host: str = ""
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def covers(self, host: str, address: IPAddress, port: int) -> bool:
        """Whether it allows this address of the host."""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            inner = unwrapped(address)
            return inner.version == self.network.version and inner in self.network
        return self.host == host


def allowed_destinations() -> tuple[AllowedDestination, ...]:
    """The entries of `OUTBOUND_ALLOW`. Raises `ImproperlyConfigured`."""
    return parse_allowed_destinations(tuple(settings.OUTBOUND_ALLOW))


@functools.cache
def parse_allowed_destinations(entries: Sequence[str]) -> tuple[AllowedDestination, ...]:
    """Parses entries. Raises `ImproperlyConfigured` if one is neither a host nor a network."""
    return tuple(_parse(entry) for entry in entries)


def _parse(entry: str) -> AllowedDestination:
    try:
        return AllowedDestination(network=ip_network(entry.strip("[]")))
    except ValueError:
        pass
    try:
        target = parse_target(f"http://{entry}")
    except Forbidden:
        raise ImproperlyConfigured(f"{MUST_BE}; {entry!r} is not.") from None
    if target.url.path != "/" or target.url.query:
        raise ImproperlyConfigured(f"{MUST_BE}; {entry!r} is not.")
    # The URL drops an explicit `:80`, the default of http.
    port = target.port if entry.rpartition("]")[2].partition(":")[2] else None
    address = literal(target.host)
    if address is not None:
        return AllowedDestination(network=ip_network(address), port=port)
    return AllowedDestination(host=target.host, port=port)


def check_url(url: str) -> None:
    """Raises `Forbidden` if the URL must not be called.

    A name without an address passes: it may have one when it is called, and is checked again then. Queries DNS for up
    to `CHECK_SECONDS`. Raises `TransactionManagementError` in a transaction.
    """
    require_no_transaction()
    target = parse_target(url)
    try:
        addresses = resolve(target, seconds=CHECK_SECONDS)
    except Unreachable:
        return
    check_addresses(target.host, target.port, addresses, allowed_destinations())


def check_addresses(
    host: str, port: int, addresses: Sequence[IPAddress], allowed: Sequence[AllowedDestination]
) -> None:
    """Raises `Forbidden` if any of a host's addresses is neither public nor allowed.

    One is enough: the owner of the name controls which of its addresses is connected to.
    """
    for address in addresses:
        if not is_public(address) and not any(one.covers(host, address, port) for one in allowed):
            raise Forbidden("This URL leads to an address that is not public.")


def resolve(target: Target, *, seconds: float) -> list[IPAddress]:
    """The addresses of the host. Raises `Unreachable` if there are none within `seconds`."""
    if target.address is not None:
        return [target.address]
    return look_up(target.host, seconds=seconds)


def look_up(host: str, *, seconds: float) -> list[IPAddress]:
    """Resolves a name in a thread, since the resolver has no timeout. Raises `Unreachable`."""
    found: list[IPAddress] = []

    def query() -> None:
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))

    thread = threading.Thread(target=query, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive() or not found:
        raise Unreachable(f"The name {host} has no address.")
    return found
