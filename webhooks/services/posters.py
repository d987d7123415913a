"""Connections to endpoints, kept open by this process."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Final

from pms_backend import outbound
from pms_backend.api import context
from pms_backend.outbound import PostBounds, Poster
from webhooks.models import MAX_ANSWER_BYTES
from webhooks.schedule import is_success
from webhooks.services.attempts import Attempt
from webhooks.services.endpoint_limits import MAX_AT_ONCE
from webhooks.services.leases import LeasedDelivery
from webhooks.services.messages import Recipient, StoredEvent, body_of, signed_headers

BOUNDS: Final = PostBounds(connections=MAX_AT_ONCE, max_answer_bytes=MAX_ANSWER_BYTES)
# The connections of other endpoints are closed, the longest unused first, unless they are in use.
MAX_POSTERS: Final = 200

_posters: Final[OrderedDict[str, Poster]] = OrderedDict()
_users: Final[Counter[str]] = Counter()
_lock: Final = threading.Lock()


def attempt(delivery: LeasedDelivery, event: StoredEvent, recipient: Recipient) -> Attempt:
    """Sends the event; whatever comes of it is an attempt."""
    at, begun = datetime.now(UTC), perf_counter()
    status, answer, error, retry_after = None, "", "", None
    try:
        body = body_of(event, delivery)
        headers = signed_headers(event, body, at=at, secrets=recipient.secrets, extra=recipient.headers)
        with poster_of(recipient.url) as poster:
            found = poster.post(body.encode(), {**headers, **context.request_id_header()})
        status, answer = found.status, found.body.decode(errors="replace")
        if not is_success(status) and (request_id := context.request_id_of(found.headers)):
            error = f"its request {request_id}"
        retry_after = outbound.retry_after_of(found.headers)
    except outbound.OutboundError as problem:
        error = str(problem)
    return Attempt(
        delivery=delivery,
        at=at,
        ms=round((perf_counter() - begun) * 1_000),
        status=status,
        answer=answer,
        error=error,
        retry_after=retry_after,
    )


@contextmanager
def poster_of(url: str) -> Iterator[Poster]:
    """The connections to a URL, which stay open meanwhile. Raises `Forbidden`."""
    with _lock:
        poster = _posters.get(url)
        if poster is None:
            poster = _posters[url] = Poster(url, bounds=BOUNDS)
        _posters.move_to_end(url)
        _users[url] += 1
    try:
        yield poster
    finally:
        for each in _released(url):
            each.close()


def _released(url: str) -> list[Poster]:
    """Ends a use; returns the connections that are to be closed."""
    with _lock:
        _users[url] -= 1
        if not _users[url]:
            del _users[url]
        over = len(_posters) - MAX_POSTERS
        unused = [each for each in _posters if each not in _users] if over > 0 else []
        return [_posters.pop(each) for each in unused[:over]]


def close_posters() -> None:
    """Closes all connections."""
    with _lock:
        while _posters:
            _posters.popitem()[1].close()
