"""POSTs to one URL that somebody else chose, many at a time, over connections that are kept alive."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from pms_backend.metrics import traces
from pms_backend.outbound.client import KEEP_ALIVE_SECONDS
from pms_backend.outbound.connecting import CheckedBackend, CheckedTransport, Deadline
from pms_backend.outbound.exceptions import Unreachable
from pms_backend.outbound.fetching import USER_AGENT, checked_addresses, tls_context, unchecked_addresses
from pms_backend.outbound.targets import parse_target
from pms_backend.outbound.transactions import require_no_transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class PostBounds:
    """The limits of a call: of an answer only the first `max_answer_bytes` are read, as they come."""

    connections: int
    max_answer_bytes: int
    connect_seconds: float = 5.0
    total_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class PostAnswer:
    """An answer of any status, with the beginning of its body."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Poster:
    """Calls of one URL, by as many threads at once as it has connections. Redirects are not followed.

    Raises `Forbidden` for an invalid URL. The guard checks each connection when it is opened, unless the URL
    `may_be_private`: only one from the operator's own settings.
    """

    def __init__(self, url: str, *, bounds: PostBounds, may_be_private: bool = False) -> None:
        self._url = parse_target(url).url
        self._bounds = bounds
        self._deadline = Deadline(bounds.total_seconds)
        addresses = unchecked_addresses if may_be_private else checked_addresses
        backend = CheckedBackend(addresses, self._deadline)
        self._transport = CheckedTransport(backend, tls_context(), KEEP_ALIVE_SECONDS, bounds.connections)
        timeout = httpx.Timeout(bounds.total_seconds, connect=bounds.connect_seconds)
        self._extensions = {"timeout": timeout.as_dict()}

    def post(self, body: bytes, headers: Mapping[str, str]) -> PostAnswer:
        """The answer. A connection that broke after it was kept alive is replaced once.

        Raises `Forbidden`, `Unreachable`, and `TransactionManagementError` in a transaction.
        """
        require_no_transaction()
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        request = httpx.Request("POST", self._url, headers=sent, content=body, extensions=self._extensions)
        self._deadline.restart(self._bounds.total_seconds)
        try:
            with traces.call_span("POST", self._url.host, self._url.port, request.headers) as set_status:
                response = self._sent(request)
                set_status(response.status_code)
                try:
                    beginning = self._beginning_of(response)
                finally:
                    response.close()
        except httpx.HTTPError as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        return PostAnswer(response.status_code, beginning, response.headers)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def _sent(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._transport.handle_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if self._deadline.connections_opened:
                raise
        return self._transport.handle_request(request)

    def _beginning_of(self, response: httpx.Response) -> bytes:
        found = bytearray()
        for chunk in response.iter_raw():
            found += chunk
            if len(found) > self._bounds.max_answer_bytes:
                # What follows is not read: the connection is closed.
                break
        return bytes(found[: self._bounds.max_answer_bytes])
