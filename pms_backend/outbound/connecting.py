"""Connections for httpx, only to checked addresses and only until the deadline of the call."""

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import httpcore
import httpx
from httpcore import SOCKET_OPTION

from pms_backend.outbound.exceptions import Unreachable
from pms_backend.outbound.networks import IPAddress

# Resolves and checks a name: (host, port, seconds) → addresses.
Addresses = Callable[[str, int, float], Iterable[IPAddress]]


class Deadline(threading.local):
    """The end of the calling thread's present call, for all of its waits.

    Connections outlive calls, and threads share them, so that the deadline belongs to the thread, not the connection.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.restart(seconds)

    def restart(self, seconds: float) -> None:
        """Begins a call of this thread."""
        self._ends_at = time.monotonic() + seconds
        self.connections_opened = 0

    def left(self, timeout: float | None, over: type[Exception]) -> float:
        """The seconds left, at most `timeout`. Raises `over` if none are."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise over("The call has exceeded its time limit.")
        return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes share one deadline, so that a peer cannot extend a call byte by byte."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects only to addresses that `addresses` returns.

    httpcore does TLS on top: it verifies the certificate against the name in the URL, not against the address.
    """

    def __init__(self, addresses: Addresses, deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._inner: Final = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address that accepts one."""
        failure: Exception = Unreachable(f"The name {host} has no address.")
        for address in self._addresses(host, port, self._deadline.left(timeout, httpcore.ConnectTimeout)):
            left = self._deadline.left(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(str(address), port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                self._deadline.connections_opened += 1
                return _Stream(stream, self._deadline)
        raise failure


class CheckedTransport(httpx.HTTPTransport):
    """httpx's transport on a `CheckedBackend`. Without proxies: a proxy would resolve names and connect by itself.

    It closes connections that have been idle for `keep_alive_seconds`. Threads may share it; it has at most
    `connections` at a time.
    """

    def __init__(
        self,
        backend: CheckedBackend,
        context: ssl.SSLContext,
        keep_alive_seconds: float | None = None,
        connections: int = 10,
    ) -> None:
        super().__init__(verify=context, trust_env=False)
        # httpx has no argument for the network backend.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            network_backend=backend,
            keepalive_expiry=keep_alive_seconds,
            max_connections=connections,
            max_keepalive_connections=connections,
        )
