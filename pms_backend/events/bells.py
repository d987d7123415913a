"""Bells: a cheap call to the worker that there is work in the database.

A bell coalesces: while one is on its way, further ones cost a single round trip to Redis. It may be lost, since a sweep
looks at the database every `SWEEP_SECONDS` anyway; so it never fails what rings it.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from pms_backend import metrics
from pms_backend.api import generations
from pms_backend.api.exchange import exchange

logger = logging.getLogger(__name__)

# How long one lost task can silence a bell; the sweep does not mind.
FLAG_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Bell:
    """Calls the Celery task `task`, by name, at most once until that task has begun."""

    task: str

    @property
    def _flag(self) -> str:
        return f"pms:bell:{self.task}"

    def ring_after_commit(self, *, replacing: Iterable[str] = ()) -> None:
        """Rings when the present transaction has committed; at once where there is none.

        In the same round trip the generations `replacing` get new words, before the write is acknowledged.
        """
        for _, callback, _ in transaction.get_connection().run_on_commit:
            ring = getattr(callback, "__self__", None)
            if isinstance(ring, _Ring) and ring.bell is self:
                # More than is needed where a part is rolled back, which does no harm.
                ring.replacing.update(replacing)
                return
        transaction.on_commit(_Ring(self, set(replacing)).ring, robust=True)

    def ring(self, *, replacing: Iterable[str] = ()) -> None:
        """Rings now. Redis being away is logged and counted, never raised: the relay replaces generations too."""
        try:
            raises_flag = ("SET", self._flag, 1, "NX", "EX", FLAG_SECONDS)
            *_, is_first = exchange([*generations.replacing(replacing), raises_flag])
            if is_first:
                current_app.send_task(self.task)
        except (RedisError, OperationalError) as error:
            metrics.redis_failures_total.labels("bell").inc()
            logger.warning("The bell of %s was not heard, the sweep will do: %s", self.task, error)

    def drain(self, attempt: Callable[[], bool], *, seconds: float) -> int:
        """Has the task do what is due: attempts until one finds nothing, or until the time is over, and then rings.

        Returns how many found something.
        """
        self.silence()
        ends_at = time.monotonic() + seconds
        count = 0
        while time.monotonic() < ends_at:
            if not attempt():
                return count
            count += 1
        self.ring()
        return count

    def silence(self) -> None:
        """Said by the task when it begins, before it reads: what comes later rings again."""
        try:
            exchange([("DEL", self._flag)])
        except RedisError as error:
            metrics.redis_failures_total.labels("bell").inc()
            logger.warning("The bell of %s could not be silenced: %s", self.task, error)


@dataclass(frozen=True, slots=True)
class _Ring:
    """A bell that is to be rung after the commit."""

    bell: Bell
    replacing: set[str]

    def ring(self) -> None:
        self.bell.ring(replacing=self.replacing)
