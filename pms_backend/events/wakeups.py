"""Wake-ups: they tell a worker that there is work in the database.

Wake-ups coalesce: until the worker begins, further ones cost a single round trip to Redis. One may be lost, because a
sweep looks at the database every `SWEEP_SECONDS` anyway; so sending one never fails its caller.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from pms_backend.api import cache_generations, context
from pms_backend.api.redis_pipeline import TIMEOUT_IN_PAUSE_SECONDS, report_failure, run_pipeline
from pms_backend.metrics import traces

# A lost task suppresses further wake-ups for no longer than this.
FLAG_SECONDS = 2
# The least time between two wake-ups that a process sends soon.
SEND_PAUSE_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Queues the Celery task `task`, by name, at most once until that task begins."""

    task: str

    @property
    def _flag(self) -> str:
        return f"pms:wake-up:{self.task}"

    def send_after_commit(self, *, replacing: Iterable[str] = ()) -> None:
        """Sends when the current transaction commits; at once where there is none.

        The same round trip replaces the tokens of the cache generations `replacing`, before the write is acknowledged.
        """
        for _, callback, _ in transaction.get_connection().run_on_commit:
            pending = getattr(callback, "__self__", None)
            if isinstance(pending, _PendingWakeUp) and pending.wake_up is self:
                # After a partial rollback this replaces more tokens than needed, which does no harm.
                pending.replacing.update(replacing)
                return
        transaction.on_commit(_PendingWakeUp(self, set(replacing)).send, robust=True)

    def send(self, *, replacing: Iterable[str] = ()) -> None:
        """Sends now. Where Redis is away this is logged and counted, never raised: the relay replaces tokens too."""
        try:
            set_flag = ("SET", self._flag, 1, "NX", "EX", FLAG_SECONDS)
            replacements = cache_generations.replacement_commands(replacing)
            # Other processes may still reach a Redis that this one leaves alone, and use their cached responses.
            timeout_in_pause = TIMEOUT_IN_PAUSE_SECONDS if replacements else 0.0
            *_, is_first = run_pipeline([*replacements, set_flag], timeout_in_pause=timeout_in_pause)
            if is_first:
                current_app.send_task(self.task)
        except (RedisError, OperationalError) as error:
            report_failure("wake-up", f"The wake-up of {self.task} was not sent, the sweep finds the work", error)

    def send_soon(self) -> None:
        """Sends from a thread of the process's own, which sends once for all calls within `SEND_PAUSE_SECONDS`.

        The task has the request id of the first of them.

        For writes that come by the thousand: a round trip to Redis costs nearly as much as such a write.
        """
        sender = _senders.get(self)
        if sender is None or not sender.is_alive():
            # In a forked process the thread of its parent is not alive. Two that start at once do no harm.
            sender = _senders[self] = _Sender(self)
            sender.start()
        if not sender.wanted.is_set():
            sender.request_id, sender.carrier = context.current().request_id, traces.carrier()
            sender.wanted.set()

    def drain(self, attempt: Callable[[], int], *, seconds: float, prepare: Callable[[], object] | None = None) -> int:
        """Repeats `attempt`, which returns how much work it did, until it finds none; returns the sum.

        When the time is over, it sends the next wake-up. `prepare` is called once, after this one is acknowledged.
        """
        self.acknowledge()
        if prepare is not None:
            prepare()
        ends_at = time.monotonic() + seconds
        count = 0
        while time.monotonic() < ends_at:
            done = attempt()
            if not done:
                return count
            count += done
        self.send_for_the_rest()
        return count

    def send_for_the_rest(self) -> None:
        """Sends now, for work that is left over, without the request id and the trace of the running task.

        Otherwise, while there is work, a trace would never end, and lines about all of it would have one request id.
        """
        with context.bind(), traces.continued({}):
            self.send()

    def acknowledge(self) -> None:
        """Clears the flag. The task calls this before it reads, so that later work sends a wake-up again."""
        try:
            run_pipeline([("DEL", self._flag)])
        except RedisError as error:
            report_failure("wake-up", f"The wake-up of {self.task} was not acknowledged", error)


@dataclass(frozen=True, slots=True)
class _PendingWakeUp:
    """A wake-up that is sent after the commit."""

    wake_up: WakeUp
    replacing: set[str]

    def send(self) -> None:
        self.wake_up.send(replacing=self.replacing)


class _Sender(threading.Thread):
    """Sends a wake-up whenever it is wanted. The end of the process ends it; the sweep finds the work then."""

    def __init__(self, wake_up: WakeUp) -> None:
        super().__init__(name=f"wake-up of {wake_up.task}", daemon=True)
        self.wanted = threading.Event()
        self.request_id = ""
        self.carrier: dict[str, str] = {}
        self._wake_up = wake_up

    def run(self) -> None:
        """Clears the event before it sends, so that nothing that is wanted meanwhile is lost."""
        while self.wanted.wait():
            self.wanted.clear()
            with context.bind(request_id=self.request_id), traces.continued(self.carrier):
                self._wake_up.send()
            time.sleep(SEND_PAUSE_SECONDS)


_senders: Final[dict[WakeUp, _Sender]] = {}
