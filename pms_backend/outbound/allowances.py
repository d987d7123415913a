"""`OUTBOUND_ALLOW`: what may be called although its address is private."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from pms_backend.outbound.exceptions import Forbidden
from pms_backend.outbound.networks import IPAddress, unwrapped
from pms_backend.outbound.targets import literal, parse_target

MUST_BE: Final = "OUTBOUND_ALLOW must be names, name:port or CIDRs such as pms.internal:8443,10.1.0.0/16"


@dataclass(frozen=True, slots=True)
class Allowance:
    """A name, whatever addresses it has, or a network; on one port or on any."""

    host: str = ""
    network: IPv4Network | IPv6Network | None = None
    port: int | None = None

    def covers(self, host: str, address: IPAddress, port: int) -> bool:
        """Whether it speaks of this address of this host."""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            inner = unwrapped(address)
            return inner.version == self.network.version and inner in self.network
        return self.host == host


def allowances() -> tuple[Allowance, ...]:
    """Those of the settings. Raises `ImproperlyConfigured`."""
    return parse_allowances(tuple(settings.OUTBOUND_ALLOW))


@functools.cache
def parse_allowances(entries: Sequence[str]) -> tuple[Allowance, ...]:
    """Reads the entries. Raises `ImproperlyConfigured` where one is neither a host nor a network."""
    return tuple(_parse(entry) for entry in entries)


def _parse(entry: str) -> Allowance:
    try:
        return Allowance(network=ip_network(entry.strip("[]")))
    except ValueError:
        pass
    try:
        target = parse_target(f"http://{entry}")
    except Forbidden:
        raise ImproperlyConfigured(f"{MUST_BE}; {entry!r} is none.") from None
    if target.url.path != "/" or target.url.query:
        raise ImproperlyConfigured(f"{MUST_BE}; {entry!r} is none.")
    # An explicit `:80` is dropped by the URL as http's own.
    port = target.port if entry.rpartition("]")[2].partition(":")[2] else None
    address = literal(target.host)
    if address is not None:
        return Allowance(network=ip_network(address), port=port)
    return Allowance(host=target.host, port=port)
