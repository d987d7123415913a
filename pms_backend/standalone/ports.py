"""TCP ports: which are free, and who answers."""

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
    """A socket that listens there, for processes to inherit. Raises `StartupError`, which names the variable."""
    try:
        return _listen(host, port)
    except OSError as error:
        raise StartupError(f"{variable}: cannot listen on {host}:{port}: {error.strerror}") from error


def require_free(variable: str, host: str, port: int) -> None:
    listen(variable, host, port).close()


def free_port() -> int:
    """A free port below those that the kernel gives to outgoing connections.

    A client that tries again and again to reach a server that is being restarted may be given the server's own port to
    call from: it would then be connected to itself, and keep the server from binding.
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


def reachable(host: str) -> str:
    """The address at which a server that listens on `host` answers on this machine."""
    return WILDCARDS.get(host, host)


def in_url(host: str) -> str:
    address = reachable(host)
    return f"[{address}]" if ":" in address else address


def accepts(host: str, port: int, seconds: float) -> bool:
    try:
        socket.create_connection((reachable(host), port), timeout=seconds).close()
    except OSError:
        return False
    return True
