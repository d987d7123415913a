"""Connections to endpoints, kept open by this process."""

import threading
from collections import OrderedDict
from datetime import UTC, datetime
from time import perf_counter
from typing import Final

from pms_backend import outbound
from pms_backend.outbound import PostBounds, Poster
from webhooks.models import MAX_ANSWER_BYTES
from webhooks.services.attempts import Attempt
from webhooks.services.leases import MAX_AT_ONCE, LeasedDelivery
from webhooks.services.messages import Recipient, StoredEvent, body_of, signed_headers

BOUNDS: Final = PostBounds(connections=MAX_AT_ONCE, max_answer_bytes=MAX_ANSWER_BYTES)
# The connections of other endpoints are closed, the longest unused first.
MAX_POSTERS: Final = 200

_posters: Final[OrderedDict[str, Poster]] = OrderedDict()
_lock: Final = threading.Lock()


def attempt(delivery: LeasedDelivery, event: StoredEvent, recipient: Recipient) -> Attempt:
    """Sends the event; whatever comes of it is an attempt."""
    at, begun = datetime.now(UTC), perf_counter()
    status, answer, error, retry_after = None, "", "", None
    try:
        body = body_of(event, delivery)
        headers = signed_headers(event, body, at=at, secrets=recipient.secrets, extra=recipient.headers)
        found = poster_of(recipient.url).post(body.encode(), headers)
        status, answer = found.status, found.body.decode(errors="replace")
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


def poster_of(url: str) -> Poster:
    """The connections to a URL. Raises `Forbidden`."""
    with _lock:
        poster = _posters.get(url)
        if poster is None:
            poster = _posters[url] = Poster(url, bounds=BOUNDS)
        _posters.move_to_end(url)
        over = [_posters.popitem(last=False)[1] for _ in range(len(_posters) - MAX_POSTERS)]
    for each in over:
        each.close()
    return poster


def close_posters() -> None:
    """Closes all connections."""
    with _lock:
        while _posters:
            _posters.popitem()[1].close()
