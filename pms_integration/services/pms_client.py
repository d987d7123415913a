"""Sends the requests of connectors to the PMS of a connection, and turns what comes back into JSON or an error."""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, NoReturn

from pms_backend import outbound
from pms_backend.api import context
from pms_backend.api.parsers import InvalidJSON, load_signed_json
from pms_integration.connectors.contract import AnswerTooLarge, ConnectorError, NotCalled
from pms_integration.connectors.outgoing import Answer

# A product with its 2,048 variants, and a page of products.
MAX_REQUEST_BYTES: Final = 8 * 1024 * 1024
MAX_RESPONSE_BYTES: Final = 16 * 1024 * 1024
BOUNDS: Final = outbound.ClientBounds(max_request_bytes=MAX_REQUEST_BYTES, max_response_bytes=MAX_RESPONSE_BYTES)
# Of each connection in each process. What a PMS allows is known to it alone, and all processes obey its Retry-After,
# which is in the database; so the budget needs no Redis, and works without it.
CALLS_PER_SECOND: Final = 10.0
BURST: Final = 20
# Of the PMS's own words in an error.
MAX_EXCERPT_LENGTH: Final = 200

# Of the responses that are no success and below 500: those that another attempt may change.
_TRANSIENT: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_FIRST_REFUSAL: Final = 400


_clients: dict[int, outbound.Client] = {}
_clients_lock = threading.Lock()


def http_client(connection_id: int, base_url: str) -> outbound.Client:
    """This process's client of a connection: it has the connections that are kept alive, and the rate budget."""
    with _clients_lock:
        client = _clients.get(connection_id)
        if client is None or client.base_url != base_url:
            rate = outbound.TokenBucket(per_second=CALLS_PER_SECOND, burst=BURST)
            _clients[connection_id] = outbound.Client(base_url, bounds=BOUNDS, rate=rate)
            if client is not None:
                client.close()
        return _clients[connection_id]


def close_clients() -> None:
    """Closes the connections that this process keeps alive."""
    with _clients_lock:
        while _clients:
            _clients.popitem()[1].close()


class ConnectionClient:
    """A `PMSClient`. `credentials` are left out of errors, in case that the PMS repeats them."""

    def __init__(self, client: outbound.Client, *, headers: Mapping[str, str], credentials: Sequence[str] = ()) -> None:
        self._client = client
        self._headers = headers
        self._credentials = credentials
        self.moment: datetime | None = None

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool = False,
    ) -> Answer:
        """The JSON of a successful response. Raises `ConnectorError`, or `NotCalled` if nothing was sent."""
        sent = {**self._headers, **(headers or {}), **context.request_id_header()}
        content = None
        if body is not None:
            # Not orjson, which cannot write every number that PostgreSQL stores.
            content = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
            sent["Content-Type"] = "application/json"
        try:
            response = self._client.call(
                method, path, query=query, body=content, headers=sent, is_repeatable=is_repeatable
            )
        except outbound.OutboundError as error:
            _raise_for(error)
        if not HTTPStatus(200) <= response.status < HTTPStatus(300):
            raise self._error_of(response)
        try:
            value = load_signed_json(response.body)
        except InvalidJSON as error:
            raise ConnectorError(f"The PMS's answer {error}.") from None
        self.moment = outbound.http_date(response.headers.get("date", ""))
        return Answer(json=value, moment=self.moment)

    def _error_of(self, response: outbound.Response) -> ConnectorError:
        status = response.status
        if status < _FIRST_REFUSAL:
            location = response.headers.get("location", "")[:MAX_EXCERPT_LENGTH]
            return ConnectorError(f"The PMS redirects to {location}. Redirects are not followed.", status=status)
        wait = outbound.retry_after_of(response.headers)
        is_refusal = status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _TRANSIENT
        return ConnectorError(
            self._in_words(response),
            permanent=is_refusal,
            retry_after=None if wait is None else wait.total_seconds(),
            status=status,
        )

    def _in_words(self, response: outbound.Response) -> str:
        text = " ".join(response.body.decode(errors="replace").split())
        for secret in self._credentials:
            text = text.replace(secret, "•••")
        detail = f"The PMS answered {response.status}"
        if request_id := context.request_id_of(response.headers):
            detail = f"{detail} (its request {request_id})"
        return f"{detail}: {text[:MAX_EXCERPT_LENGTH]}" if text else f"{detail}."


def _raise_for(error: outbound.OutboundError) -> NoReturn:
    match error:
        case outbound.RateExceeded():
            raise NotCalled(str(error), retry_after=error.seconds) from error
        case outbound.RequestTooLarge():
            raise NotCalled(str(error), permanent=True) from error
        case outbound.Forbidden():
            raise ConnectorError(f"The PMS must not be called. {error}", permanent=True) from error
        case outbound.ResponseTooLarge():
            raise AnswerTooLarge(f"The PMS's answer is too large. {error}", permanent=True) from error
    raise ConnectorError(f"The PMS does not answer: {error}") from error
