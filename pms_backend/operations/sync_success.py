"""How much of the sync succeeds, for each PMS: a table of the dashboard."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from inventory.admin.quantities import RED
from pms_backend.api.admin_tables import NUMBER, TEXT, Table, link
from pms_integration.models import PMSConnection, SyncRun, SyncStatus

WINDOW: Final = timedelta(hours=24)
# Of all PMSs together: no index has the time of receipt, so only the newest are read, by their primary key.
MAX_EVENTS: Final = 10_000
ORANGE: Final = "text-orange-700 dark:text-orange-400"
PERMISSIONS: Final = tuple(f"pms_integration.view_{name}" for name in ("pmsconnection", "pmsevent", "syncrun"))
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

    def as_cell(self) -> SafeString | None:
        """The percentage, rounded down so that only all are 100 %, and the numbers; nothing of nothing."""
        if not self.whole:
            return None
        text = '<span class="font-semibold {}">{} %</span> ({} of {})'
        colour = "" if self.succeeded == self.whole else RED
        percent = 100 * self.succeeded // self.whole
        return format_html(text, colour, percent, f"{self.succeeded:,}", f"{self.whole:,}")


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a PMS: how many of those that ended have finished, one that is held, the last that failed."""

    share: Share = Share()
    held: int | None = None
    failed: int | None = None

    def as_links(self) -> SafeString | None:
        """The links to the runs that somebody should look at."""
        named = ((self.held, "is held", ORANGE), (self.failed, "has failed", RED))
        links = [(_link(run, words, colour),) for run, words, colour in named if run]
        return format_html_join(", ", "{}", links) or None


def sync_success() -> Table:
    """The runs and events of each PMS in the last `WINDOW`, in three statements."""
    since = timezone.now() - WINDOW
    runs, events = _runs_since(since), _events_since(since)
    return Table(
        title="Sync in the last 24 hours",
        columns={"PMS": TEXT, "Sync runs finished": NUMBER, "Events applied": NUMBER, "Needs attention": TEXT},
        rows=[
            (
                link(_list_of_runs(pk), name),
                runs.get(pk, Runs()).share.as_cell(),
                events.get(pk, Share()).as_cell(),
                runs.get(pk, Runs()).as_links(),
            )
            for pk, name, is_active in PMSConnection.objects.order_by("name").values_list("pk", "name", "is_active")
            if is_active or pk in runs or pk in events
        ],
        empty="No PMS is connected.",
        note="Finished: of the sync runs that have ended. Applied: of the events that have come, of all PMSs at most "
        f"the newest {MAX_EVENTS:,}.",
    )


def _link(run: int, words: str, colour: str) -> SafeString:
    text = format_html('<span class="font-semibold {}">Sync run {} {}</span>', colour, run, words)
    return link(reverse("admin:pms_integration_syncrun_change", args=[run]), text)


def _list_of_runs(connection_id: int) -> str:
    page = reverse("admin:pms_integration_syncrun_changelist")
    return f"{page}?{urlencode({'connection__id__exact': connection_id})}"


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
