"""What is wrong with the business, as the database says it; each condition costs a few milliseconds."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Count, Min, OuterRef, Subquery
from django.utils import timezone

from pms_backend.events.models import ParkedEvent
from pms_backend.operations.alerts.catalogue import ENDPOINT
from pms_backend.operations.alerts.tracker import Finding
from pms_backend.operations.models import AlertSeverity
from pms_integration.models import PMSConnection, PMSEvent, PMSEventStatus, SyncRun, SyncStatus
from pms_integration.queries import count_differing
from webhooks.models import WebhookEndpoint

# A dead event that nobody has tried again since then is in the list of what is to be done, and no alert.
DEAD_LATELY: Final = timedelta(days=1)
FAILING_FOR: Final = timedelta(days=1)
# The database cancels what takes longer.
STATEMENT_SECONDS: Final = 20

Findings = dict[str, Finding]


def read_conditions() -> Mapping[str, Findings]:
    """What is wrong, by the name of the alert and its subject."""
    with transaction.atomic():
        _limit_statements()
        return {name: read() for name, read in CONDITIONS.items()}


def read_stock_differences() -> Findings:
    """PMSs whose stock differs from ours where no push explains it; 0.5 s for 50,000 levels."""
    with transaction.atomic():
        _limit_statements()
        counts = count_differing()
        active = PMSConnection.objects.filter(is_active=True).values_list("slug", flat=True)
        return {
            slug: _warning(f"{_count(counts[slug], 'level')} of another quantity")
            for slug in active
            if counts.get(slug)
        }


def _limit_statements() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{STATEMENT_SECONDS}s"])


def _circuits() -> Findings:
    """Each by itself: an endpoint that fails for days hides no PMS."""
    unreachable = PMSConnection.objects.unreachable().values_list("slug", "last_error")
    paused = WebhookEndpoint.objects.paused().values_list("pk", "description", "failures")
    return {slug: _warning(error) for slug, error in unreachable} | {
        f"{ENDPOINT}{pk}": _warning(f"{name}: {_count(failures, 'failure')} in a row".removeprefix(": "))
        for pk, name, failures in paused
    }


def _parked_events() -> Findings:
    parked = ParkedEvent.objects.unresolved().order_by().values("receiver")
    rows = parked.annotate(count=Count("pk"), first=Min("parked_at")).values_list("receiver", "count", "first")
    return {
        receiver: _critical(f"{_count(count, 'event')}, the first at {first:%Y-%m-%d %H:%M:%S} UTC")
        for receiver, count, first in rows
    }


def _dead_pms_events() -> Findings:
    since = timezone.now() - DEAD_LATELY
    dead = PMSEvent.objects.filter(status=PMSEventStatus.DEAD, processed_at__gte=since).order_by()
    rows = dead.values("connection__slug").annotate(count=Count("pk")).values_list("connection__slug", "count")
    return {slug: _warning(f"{_count(count, 'event')} of the last day") for slug, count in rows}


def _failing_endpoints() -> Findings:
    failing = WebhookEndpoint.objects.failing().filter(failing_since__lte=timezone.now() - FAILING_FOR)
    found = {
        str(pk): _warning(f"{name}: no delivery has succeeded since {since:%Y-%m-%d %H:%M:%S} UTC".removeprefix(": "))
        for pk, name, since in failing.values_list("pk", "description", "failing_since")
    }
    given_up = WebhookEndpoint.objects.given_up().values_list("pk", "description", "disabled_reason")
    return found | {
        str(pk): _critical(f"{name}: it is disabled. {reason}".removeprefix(": ")) for pk, name, reason in given_up
    }


def _failed_syncs() -> Findings:
    held = SyncRun.objects.filter(status=SyncStatus.HELD).order_by()
    found = {
        slug: _warning(f"Run {pk} is held: {reason}")
        for slug, pk, reason in held.values_list("connection__slug", "pk", "held_because")
    }
    last = SyncRun.objects.filter(
        connection=OuterRef("pk"), status__in=(SyncStatus.FINISHED, SyncStatus.FAILED)
    ).order_by("-pk")
    newest = PMSConnection.objects.filter(is_active=True).annotate(
        run=Subquery(last.values("pk")[:1]), outcome=Subquery(last.values("status")[:1])
    )
    failed = {
        slug: _warning(f"Run {run}, the last one, has failed")
        for slug, run in newest.filter(outcome=SyncStatus.FAILED).values_list("slug", "run")
    }
    return failed | found


CONDITIONS: Final[Mapping[str, Callable[[], Findings]]] = {
    "circuits": _circuits,
    "parked_events": _parked_events,
    "dead_pms_events": _dead_pms_events,
    "failing_endpoints": _failing_endpoints,
    "failed_syncs": _failed_syncs,
}


def _critical(detail: str) -> Finding:
    return Finding(AlertSeverity.CRITICAL, detail)


def _warning(detail: str) -> Finding:
    return Finding(AlertSeverity.WARNING, detail)


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
