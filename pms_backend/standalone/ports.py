"""TCP ports: finds free ones, listens on them and tests whether a server accepts connections."""

import secrets
import socket
from pathlib import Path

from pms_backend.standalone.exceptions import StartupError

LOOPBACK = "127.0.0.1"
WILDCARDS = {"": LOOPBACK, "0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104  recognised, not bound
FIRST_PORT = 10240
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_FIRST_EPHEMERAL = 32768
BACKLOG = 1024


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def listen(variable: str, host: str, port: int) -> socket.socket:
    """Returns a listening socket, which processes can inherit. Raises `StartupError`, which names the variable."""
    try:
        return _listen(host, port)
    except OSError as error:
        raise StartupError(f"{variable}: cannot listen on {host}:{port}: {error.strerror}") from error


def require_free(variable: str, host: str, port: int) -> None:
    listen(variable, host, port).close()


def free_port() -> int:
    """Returns a free port below those that the kernel chooses for outgoing connections.

    The kernel might choose a restarting server's port for a client that tries to reach it. The client would connect to
    itself, and the server could not bind its port.
    """
    first_ephemeral = USUAL_FIRST_EPHEMERAL
    if EPHEMERAL_RANGE.exists():
        first_ephemeral = max(int(EPHEMERAL_RANGE.read_text().split()[0]), FIRST_PORT + 1000)
    while True:
        port = FIRST_PORT + secrets.randbelow(first_ephemeral - FIRST_PORT)
        try:
            _listen(LOOPBACK, port).close()
        except OSError:
            continue
        return port


def loopback_address(host: str) -> str:
    """Returns the address at which this machine reaches its own server that listens on `host`."""
    return WILDCARDS.get(host, host)


def url_host(host: str) -> str:
    """Returns the same address as it stands in a URL."""
    address = loopback_address(host)
    return f"[{address}]" if ":" in address else address


def accepts(host: str, port: int, seconds: float) -> bool:
    try:
        socket.create_connection((loopback_address(host), port), timeout=seconds).close()
    except OSError:
        return False
    return True
