"""How much of the sync with each PMS has succeeded lately."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Count, Max, Q
from django.utils import timezone

from pms_backend.outbound.circuit import CircuitStatus
from pms_integration.models import PMSConnection, SyncRun, SyncStatus

WINDOW: Final = timedelta(hours=24)
# Of all PMSs together: no index has the time of receipt, so only the newest are read, by their primary key.
MAX_EVENTS: Final = 10_000
_COUNT_EVENTS: Final = """
SELECT connection_id, count(*) FILTER (WHERE status IN ('processed', 'ignored')), count(*)
FROM (SELECT connection_id, status, received_at FROM pms_integration_pmsevent ORDER BY id DESC LIMIT %s) AS newest
WHERE received_at >= %s
GROUP BY connection_id
"""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of a whole have succeeded."""

    succeeded: int = 0
    whole: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.succeeded + other.succeeded, self.whole + other.whole)

    @property
    def is_whole(self) -> bool:
        """Whether all have succeeded."""
        return self.succeeded == self.whole

    @property
    def percent(self) -> float:
        """The percentage with one decimal, rounded down so that only all are 100 %. The whole must not be 0."""
        return 1000 * self.succeeded // self.whole / 10


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a PMS: how many of those that ended have finished, one that is held, the last that failed."""

    share: Share = Share()
    held: int | None = None
    failed: int | None = None


@dataclass(frozen=True, slots=True)
class PMS:
    """A connection: whether its PMS is called and answers, and what came of its runs and events."""

    pk: int
    name: str
    is_active: bool
    is_called: bool
    answers: bool
    last_contact_at: datetime | None
    runs: Runs = field(default_factory=Runs)
    events: Share = Share()


def sync_success() -> list[PMS]:
    """Every connection with its runs and events of the last `WINDOW`, by name, in three statements."""
    since = timezone.now() - WINDOW
    runs, events = _runs_since(since), _events_since(since)
    # Without the columns that are encrypted.
    rows = PMSConnection.objects.order_by("name").values_list(
        "pk", "name", "is_active", "base_url", "circuit", "last_contact_at"
    )
    return [
        PMS(
            pk=pk,
            name=name,
            is_active=is_active,
            is_called=is_active and base_url is not None,
            answers=circuit == CircuitStatus.CLOSED.value,
            last_contact_at=last_contact_at,
            runs=runs.get(pk, Runs()),
            events=events.get(pk, Share()),
        )
        for pk, name, is_active, base_url, circuit, last_contact_at in rows
    ]


def _runs_since(since: datetime) -> dict[int, Runs]:
    """The runs that have ended since then and those that are held, by their connections."""
    runs = SyncRun.objects.filter(Q(finished_at__gte=since) | Q(status=SyncStatus.HELD)).order_by()
    counted = runs.values("connection").annotate(
        finished=Count("pk", filter=Q(status=SyncStatus.FINISHED)),
        ended=Count("finished_at"),
        held=Max("pk", filter=Q(status=SyncStatus.HELD)),
        last_failed=Max("pk", filter=Q(status=SyncStatus.FAILED)),
    )
    rows = counted.values_list("connection", "finished", "ended", "held", "last_failed")
    return {pk: Runs(Share(finished, ended), held, failed) for pk, finished, ended, held, failed in rows}


def _events_since(since: datetime) -> dict[int, Share]:
    """The newest events, as far as they came since then, by their connections."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_EVENTS, [MAX_EVENTS, since])
        return {pk: Share(applied, received) for pk, applied, received in cursor.fetchall()}
