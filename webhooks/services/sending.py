"""Sends deliveries: leased and written by one thread, sent by many, so that a slow endpoint delays nobody."""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Final

from pms_backend.api import context
from webhooks.schedule import pause_after
from webhooks.services.attempts import Attempt, NotSent
from webhooks.services.endpoint_limits import EndpointLimits
from webhooks.services.leases import LEASE_SECONDS, LeasedDelivery, lease_deliveries
from webhooks.services.messages import Recipient, StoredEvent, recipients, stored_events
from webhooks.services.posters import BOUNDS, attempt
from webhooks.services.results import store_results
from webhooks.services.wake_up import delivery_wake_up

logger = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 20.0
THREADS: Final = 64
# Leased ahead of the threads, so that none waits for a lease.
LEASED_AT_ONCE: Final = 2 * THREADS
# Results are written when there are so many, or the first is so old.
RESULTS_AT_ONCE: Final = 100
LONGEST_WAIT_SECONDS: Final = 0.02
# While nothing comes of what is being sent, new deliveries are looked for so often.
LOOK_SECONDS: Final = 0.1
NOT_STORED: Final = "The event is not kept any more."
# Deliveries in order are not begun when so little of their lease is left.
_CHAIN_SECONDS: Final = LEASE_SECONDS - 2 * BOUNDS.total_seconds

_Result = Attempt | NotSent
# Of this process, which outlives its tasks.
_limits: Final = EndpointLimits()


def send_due_deliveries() -> int:
    """Sends what is due until nothing is left or `DRAIN_SECONDS` are over; returns how many attempts were made."""
    delivery_wake_up.acknowledge()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="delivery") as pool:
        sender = _Sender(pool)
        is_done = sender.run(until=time.monotonic() + DRAIN_SECONDS)
    if not is_done:
        delivery_wake_up.send_for_the_rest()
    return sender.count


class _Sender:
    """`count` is how many attempts were made."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.count = 0
        self._pool = pool
        self._results: SimpleQueue[_Result] = SimpleQueue()
        self._running = 0
        self._unhealthy: set[int] = set()

    def run(self, *, until: float) -> bool:
        """Sends what is due, and waits for what is being sent; returns whether nothing is left."""
        while True:
            is_over = time.monotonic() >= until
            room = LEASED_AT_ONCE - self._running
            if not is_over and room >= LEASED_AT_ONCE // 4:
                self._submit(lease_deliveries(room, _limits))
            if not self._running:
                return not is_over
            self._store_results()

    def _submit(self, leased: Sequence[LeasedDelivery]) -> None:
        if not leased:
            return
        events = stored_events({each.event_id for each in leased})
        endpoints = recipients({each.endpoint_id for each in leased})
        self._unhealthy |= {pk for pk, endpoint in endpoints.items() if endpoint.has_failed}
        chains: dict[tuple[int, int], list[LeasedDelivery]] = defaultdict(list)
        for each in leased:
            if each.endpoint_id in endpoints:
                chains[each.endpoint_id, 0 if each.is_in_order else each.id].append(each)
        for (endpoint_id, _), chain in chains.items():
            self._running += len(chain)
            # A copy of the context, in which the trace and the task's request id are.
            self._pool.submit(copy_context().run, self._send, chain, events, endpoints[endpoint_id])

    def _send(self, chain: Sequence[LeasedDelivery], events: Mapping[int, StoredEvent], endpoint: Recipient) -> None:
        """Sends deliveries one after the other, until one fails: then the others wait as long as it does."""
        until = time.monotonic() + _CHAIN_SECONDS
        pause: timedelta | None = None
        for delivery in chain:
            if pause is None and time.monotonic() > until:
                pause = timedelta()
            if pause is not None:
                self._results.put(NotSent(delivery, pause))
                continue
            event = events.get(delivery.event_id)
            with context.bind(request_id=(event and event.request_id) or context.current().request_id):
                made = _attempt(delivery, event, endpoint)
            self._results.put(made)
            if not made.is_success and not made.is_final:
                pause = pause_after(delivery.tries + 1, None) or timedelta()

    def _store_results(self) -> None:
        """Waits for a result, for a moment more for further ones, and writes them."""
        attempts: list[Attempt] = []
        not_sent: list[NotSent] = []
        wait = LOOK_SECONDS
        deadline = time.monotonic() + LOOK_SECONDS
        while len(attempts) + len(not_sent) < min(RESULTS_AT_ONCE, self._running):
            try:
                result = self._results.get(timeout=wait)
            except Empty:
                break
            if isinstance(result, NotSent):
                not_sent.append(result)
            else:
                attempts.append(result)
            deadline = min(deadline, time.monotonic() + LONGEST_WAIT_SECONDS)
            wait = max(deadline - time.monotonic(), 0.001)
        self._running -= len(attempts) + len(not_sent)
        self.count += len(attempts)
        for made in attempts:
            _limits.learn(made.delivery.endpoint_id, made.ms)
        # A later success of a delivery that was leased before is a success of an endpoint that has failed.
        self._unhealthy |= {made.delivery.endpoint_id for made in attempts if not made.is_success}
        if attempts or not_sent:
            store_results(attempts=attempts, not_sent=not_sent, unhealthy=frozenset(self._unhealthy))


def _attempt(delivery: LeasedDelivery, event: StoredEvent | None, endpoint: Recipient) -> Attempt:
    if event is None:
        return Attempt(delivery=delivery, at=datetime.now(UTC), ms=0, error=NOT_STORED, is_final=True)
    try:
        return attempt(delivery, event, endpoint)
    except Exception as error:
        logger.exception("The delivery %s could not be sent", delivery.id)
        return Attempt(delivery=delivery, at=datetime.now(UTC), ms=0, error=f"{type(error).__name__}: {error}")
