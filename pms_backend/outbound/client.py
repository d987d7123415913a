"""Calls of one server, with any method, over connections that are kept alive."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

import httpx

from pms_backend.metrics import traces
from pms_backend.outbound.connecting import CheckedBackend, CheckedTransport, Deadline
from pms_backend.outbound.exceptions import RequestTooLarge, Unreachable
from pms_backend.outbound.fetching import USER_AGENT, Response, checked_addresses, read_body, tls_context
from pms_backend.outbound.targets import parse_target
from pms_backend.outbound.token_bucket import TokenBucket
from pms_backend.outbound.transactions import require_no_transaction

# Methods that may be repeated because a second call changes nothing more (RFC 9110, 9.2.2).
IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# A connection that idles longer is closed. Servers usually close theirs after 60 s or more.
KEEP_ALIVE_SECONDS: Final = 30.0
# Path and query, as servers accept it.
MAX_TARGET_BYTES: Final = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientBounds:
    """The limits of a call: `total_seconds` is the time for all of it, `max_response_bytes` is of the unpacked body.

    A call waits for its turn in the rate budget no longer than `longest_wait_seconds`, before that time begins.
    """

    max_request_bytes: int
    max_response_bytes: int
    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    total_seconds: float = 15.0
    longest_wait_seconds: float = 5.0


class Client:
    """Calls of the server at `base_url`. Threads may share a client; its connections and rate budget are its own.

    Redirects are not followed: they would send the credentials elsewhere. Raises `Forbidden` for an invalid URL.
    """

    def __init__(self, base_url: str, *, bounds: ClientBounds, rate: TokenBucket) -> None:
        self.base_url = base_url
        self._base = parse_target(base_url).url
        self._bounds = bounds
        self._rate = rate
        self._deadline = Deadline(bounds.total_seconds)
        # The guard checks each connection when it is opened.
        backend = CheckedBackend(checked_addresses, self._deadline)
        self._transport = CheckedTransport(backend, tls_context(), KEEP_ALIVE_SECONDS)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool = False,
    ) -> Response:
        """The response of any status to a call of a path below the base URL, already percent-encoded.

        If a connection that was kept alive breaks before the response, the call is repeated once, if its method is
        idempotent or it `is_repeatable`, because the server knows the call by a key. Otherwise it may have had its
        effect. Raises `Forbidden`, `Unreachable`, `RequestTooLarge`, `ResponseTooLarge`, `RateExceeded`, and
        `TransactionManagementError` in a transaction.
        """
        require_no_transaction()
        request = self._request(method, path, query, body, headers or {})
        time.sleep(self._rate.take(longest_wait=self._bounds.longest_wait_seconds))
        self._deadline.restart(self._bounds.total_seconds)
        try:
            with traces.call_span(method, request.url.host, request.url.port, request.headers) as set_status:
                response = self._sent(request, is_repeatable=is_repeatable or method in IDEMPOTENT_METHODS)
                set_status(response.status_code)
                response.request = request
                try:
                    content = read_body(response, self._bounds.max_response_bytes)
                finally:
                    response.close()
        except httpx.HTTPError as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        return Response(response.status_code, content, str(request.url), dict(response.headers))

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def _request(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> httpx.Request:
        target = self._base.raw_path.rstrip(b"/") + path.encode("ascii")
        if query:
            target += b"?" + urlencode(query, quote_via=quote).encode("ascii")
        if len(target) > MAX_TARGET_BYTES:
            raise RequestTooLarge(f"The URL has more than {MAX_TARGET_BYTES} bytes.")
        if body is not None and len(body) > self._bounds.max_request_bytes:
            raise RequestTooLarge(f"The request has more than {self._bounds.max_request_bytes} bytes.")
        sent = {"Accept": "application/json", "User-Agent": USER_AGENT, "Accept-Encoding": "gzip", **headers}
        bounds = self._bounds
        timeout = httpx.Timeout(bounds.read_seconds, connect=bounds.connect_seconds, pool=bounds.total_seconds)
        url = self._base.copy_with(raw_path=target)
        return httpx.Request(method, url, headers=sent, content=body, extensions={"timeout": timeout.as_dict()})

    def _sent(self, request: httpx.Request, *, is_repeatable: bool) -> httpx.Response:
        try:
            return self._transport.handle_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # A server may close an idle connection at the moment in which it is used again.
            was_kept_alive = self._deadline.connections_opened == 0
            if not was_kept_alive or not is_repeatable:
                raise
        return self._transport.handle_request(request)
