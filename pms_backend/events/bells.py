"""Bells: a cheap call to the worker that there is work in the database.

A bell coalesces: while one is on its way, further ones cost a single round trip to Redis. It may be lost, since a sweep
looks at the database every `SWEEP_SECONDS` anyway; so it never fails what rings it.
"""

import logging
from dataclasses import dataclass

from celery import current_app
from django.db import transaction
from django_redis import get_redis_connection
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from pms_backend import metrics

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

    def ring_after_commit(self) -> None:
        """Rings when the present transaction has committed; at once where there is none."""
        connection = transaction.get_connection()
        callbacks = (callback for _, callback, _ in connection.run_on_commit)
        if not any(getattr(callback, "__self__", None) is self for callback in callbacks):
            transaction.on_commit(self.ring, robust=True)

    def ring(self) -> None:
        """Rings now. Redis being away is logged and counted, never raised."""
        try:
            if get_redis_connection("default").set(self._flag, 1, nx=True, ex=FLAG_SECONDS):
                current_app.send_task(self.task)
        except (RedisError, OperationalError) as error:
            metrics.redis_failures_total.labels("bell").inc()
            logger.warning("The bell of %s was not heard, the sweep will do: %s", self.task, error)

    def silence(self) -> None:
        """Said by the task when it begins, before it reads: what comes later rings again."""
        try:
            get_redis_connection("default").delete(self._flag)
        except RedisError as error:
            metrics.redis_failures_total.labels("bell").inc()
            logger.warning("The bell of %s could not be silenced: %s", self.task, error)
