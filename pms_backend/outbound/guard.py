"""The guard against server-side request forgery: nobody makes us call what only we can reach.

A URL is checked twice: here when somebody gives it, so that they learn of it at once, and in `connecting` at the very
address that is connected to, because a name may have another address by then.
"""

import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from pms_backend.outbound.allowances import Allowance, allowances
from pms_backend.outbound.exceptions import Forbidden, Unreachable
from pms_backend.outbound.networks import IPAddress, is_public
from pms_backend.outbound.targets import Target, parse_target

# Somebody waits for the answer; the name is looked up again when it is called.
CHECK_SECONDS: Final = 2.0


def check_url(url: str) -> None:
    """Raises `Forbidden` where the URL is none that we would call.

    A name that has no address at present passes: it may have one by the time it is called, and is checked again then.
    Asks the DNS for up to `CHECK_SECONDS`: not to be called in a transaction.
    """
    target = parse_target(url)
    try:
        addresses = resolve(target, seconds=CHECK_SECONDS)
    except Unreachable:
        return
    check_addresses(target.host, target.port, addresses, allowances())


def check_addresses(host: str, port: int, addresses: Sequence[IPAddress], allowed: Sequence[Allowance]) -> None:
    """Raises `Forbidden` where one of a host's addresses is not public and not allowed.

    One is enough: which of them is connected to would be for whoever answers for the name to say.
    """
    for address in addresses:
        if not is_public(address) and not any(allowance.covers(host, address, port) for allowance in allowed):
            raise Forbidden("This URL leads to an address that is not public.")


def resolve(target: Target, *, seconds: float) -> list[IPAddress]:
    """The addresses that the host has now. Raises `Unreachable` where there are none in time."""
    if target.address is not None:
        return [target.address]
    return look_up(target.host, seconds=seconds)


def look_up(host: str, *, seconds: float) -> list[IPAddress]:
    """Asks the resolver, which has no time limit of its own. Raises `Unreachable`."""
    found: list[IPAddress] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive() or not found:
        raise Unreachable(f"The name {host} has no address.")
    return found
