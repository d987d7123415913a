"""GET of a URL that somebody else chose; `client.py` calls one server, with any method."""

import functools
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx

from pms_backend.metrics import traces
from pms_backend.outbound.connecting import CheckedBackend, CheckedTransport, Deadline
from pms_backend.outbound.exceptions import ResponseTooLarge, Unreachable
from pms_backend.outbound.guard import allowed_destinations, check_addresses, look_up
from pms_backend.outbound.networks import IPAddress
from pms_backend.outbound.targets import Target, literal, parse_target
from pms_backend.outbound.transactions import require_no_transaction

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
USER_AGENT: Final = "pms-backend"
_CHUNK_BYTES: Final = 64 * 1024
# zlib's value for "gzip or zlib, detected by the header".
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits of a call: `total_seconds` includes redirects, `max_bytes` is of the unpacked body."""

    max_bytes: int
    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 20.0
    max_redirects: int = 3


@dataclass(frozen=True, slots=True)
class Response:
    """A response of any status; `url` is that of the last redirect."""

    status: int
    body: bytes
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


def fetch(
    url: str, *, bounds: Bounds, headers: Mapping[str, str] | None = None, may_be_private: bool = False
) -> Response:
    """The response to a GET. Raises `TransactionManagementError` in a transaction.

    Each redirect is checked like the first URL; after `max_redirects` the redirect itself is returned. With
    `may_be_private` the guard is skipped: only for URLs from the operator's own settings.
    Raises `Forbidden`, `Unreachable`, `ResponseTooLarge`.
    """
    require_no_transaction()
    addresses = unchecked_addresses if may_be_private else checked_addresses
    sent = {"Accept": "*/*", "User-Agent": USER_AGENT, "Accept-Encoding": "identity", **(headers or {})}
    backend = CheckedBackend(addresses, Deadline(bounds.total_seconds))
    with CheckedTransport(backend, tls_context()) as transport:
        try:
            return _follow(transport, parse_target(url), sent, bounds)
        except httpx.HTTPError as error:
            raise Unreachable(str(error) or type(error).__name__) from error


def checked_addresses(host: str, port: int, seconds: float) -> list[IPAddress]:
    """The addresses of a host, each of them public or allowed. Raises `Forbidden`, `Unreachable`."""
    found = unchecked_addresses(host, port, seconds)
    check_addresses(host, port, found, allowed_destinations())
    return found


def unchecked_addresses(host: str, _: int, seconds: float) -> list[IPAddress]:
    """The addresses of a host from the operator's own settings, which may be private. Raises `Unreachable`."""
    address = literal(host)
    return [address] if address is not None else look_up(host, seconds=seconds)


def _follow(transport: CheckedTransport, target: Target, headers: Mapping[str, str], bounds: Bounds) -> Response:
    for redirects_left in range(bounds.max_redirects, -1, -1):
        with _requested(transport, target, headers, bounds) as response:
            location = response.headers.get("Location")
            if redirects_left and location and response.status_code in REDIRECTS:
                target = target.redirected_to(location)
                continue
            body = read_body(response, bounds.max_bytes)
            return Response(response.status_code, body, str(target.url), dict(response.headers))
    raise AssertionError("The last pass of the loop returns.")


@contextmanager
def _requested(
    transport: CheckedTransport, target: Target, headers: Mapping[str, str], bounds: Bounds
) -> Iterator[httpx.Response]:
    """The response of one server. Uses the transport, since httpx's client fails on an invalid `Location`."""
    timeout = httpx.Timeout(bounds.read_seconds, connect=bounds.connect_seconds).as_dict()
    request = httpx.Request("GET", target.url, headers=headers, extensions={"timeout": timeout})
    with traces.call_span("GET", target.host, target.port, request.headers) as set_status:
        response = transport.handle_request(request)
        set_status(response.status_code)
        response.request = request
        try:
            yield response
        finally:
            response.close()


def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """The unpacked body. Raises `ResponseTooLarge`, `Unreachable`."""
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise ResponseTooLarge(f"The response has more than {max_bytes} bytes.")
    body = bytearray()
    for chunk in _decoded(response):
        body += chunk
        if len(body) > max_bytes:
            raise ResponseTooLarge(f"The response has more than {max_bytes} bytes.")
    return bytes(body)


def _decoded(response: httpx.Response) -> Iterator[bytes]:
    """The unpacked body in small chunks: httpx unpacks a chunk as a whole, and few bytes may unpack to gigabytes."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        yield from response.iter_raw()
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise Unreachable(f"The response is encoded as {encoding[:40]}, which was not requested.")
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        for chunk in response.iter_raw():
            yield inflater.decompress(chunk, _CHUNK_BYTES)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, _CHUNK_BYTES)
    except zlib.error:
        raise Unreachable("The response cannot be unpacked.") from None
    if not inflater.eof:
        raise Unreachable("The response ended too soon.")


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The settings of TLS. Cached: reading the certificate authorities takes longer than most calls."""
    return httpx.create_ssl_context(trust_env=False)
