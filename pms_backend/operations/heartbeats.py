"""Whether beat and the workers work, by when they were seen last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import models
from django.db.models.functions import Now

from pms_backend.operations.models import Heartbeat

# The names of heartbeats: beat's and the monitor's own, and those of the queues' workers.
BEAT: Final = "beat"
MONITOR: Final = "monitor"
RELAY: Final = "relay"
# Three in a row may be missed (`HEARTBEAT_SECONDS`), and a name is told within 10 s.
MAX_AGE_SECONDS: Final = 8.0
# So long after an outage of what they need, old heartbeats say nothing: a worker of Celery tries to reach Redis again
# every 30 s at most.
RECOVERY_SECONDS: Final = 35.0


@dataclass(frozen=True, slots=True)
class Seen:
    """How many seconds ago something was seen last, and since how many it has been seen without a gap."""

    age: float
    steady: float


def last_seen() -> dict[str, Seen]:
    """When each was seen last, by the clock of the database."""
    ages = {
        name: models.ExpressionWrapper(Now() - models.F(name), output_field=models.DurationField())
        for name in ("beat_at", "steady_since")
    }
    rows = Heartbeat.objects.values_list("name", ages["beat_at"], ages["steady_since"])
    return {name: Seen(max(0.0, age.total_seconds()), steady.total_seconds()) for name, age, steady in rows}


def problems_of(names: Sequence[str], seen: Mapping[str, Seen]) -> str:
    """Says which of these were not seen lately; empty if all were."""
    return "; ".join(
        f"{name} was last seen {seen[name].age:.0f} s ago" if name in seen else f"{name} has not been seen yet"
        for name in names
        if name not in seen or seen[name].age > MAX_AGE_SECONDS
    )


def outlived_by_beat(names: Sequence[str], seen: Mapping[str, Seen]) -> bool:
    """Whether beat was seen long after one of these was.

    When beat hangs, the heartbeats that its tasks bring grow old with its own, and a little earlier.
    """
    return any(name not in seen or seen[name].age - seen[BEAT].age > MAX_AGE_SECONDS / 2 for name in names)
