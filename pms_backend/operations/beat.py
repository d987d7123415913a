"""Celery's beat, which records that it works: so a beat that hangs is told apart from workers that do."""

from typing import Any

from celery.beat import PersistentScheduler

from pms_backend.operations import services
from pms_backend.operations.bounded_reading import BoundedReading
from pms_backend.operations.heartbeats import BEAT


def _record_heartbeat() -> None:
    services.record_heartbeat(name=BEAT)


class HeartbeatScheduler(PersistentScheduler):
    """Records a heartbeat in each round, in a thread of its own: a database that hangs does not stop the sending."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._heartbeat = BoundedReading(_record_heartbeat)
        super().__init__(*arguments, **more)

    def tick(self, *arguments: Any, **more: Any) -> float:
        """One round; returns how long to sleep before the next, which the sweeps limit to 2 s."""
        self._heartbeat.refresh()
        seconds: float = super().tick(*arguments, **more)
        return seconds
