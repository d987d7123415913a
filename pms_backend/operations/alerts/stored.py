"""The alerts in the database: those that a process before this one has left open, and those that are open now."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from pms_backend.operations.alerts.digest import QUIET_FOR
from pms_backend.operations.alerts.tracker import Finding, Key, TrackedAlert
from pms_backend.operations.models import Alert, AlertSeverity


@dataclass(frozen=True, slots=True)
class StoredAlerts:
    """What a monitor takes up when it starts."""

    open: list[TrackedAlert]
    told: Mapping[Key, Sequence[datetime]]


def stored_alerts() -> StoredAlerts:
    """The open alerts, and when alerts were told lately."""
    still_open = [
        TrackedAlert(
            key=(row.name, row.subject),
            finding=Finding(AlertSeverity(row.severity), row.detail),
            began_at=row.began_at,
            is_open=True,
            told_at=row.told_at,
        )
        for row in Alert.objects.open()
    ]
    told: defaultdict[Key, list[datetime]] = defaultdict(list)
    lately = Alert.objects.filter(told_at__gt=timezone.now() - QUIET_FOR).order_by("told_at")
    for name, subject, moment in lately.values_list("name", "subject", "told_at"):
        if moment is not None:
            told[name, subject].append(moment)
    return StoredAlerts(still_open, told)


def open_alerts() -> Counter[str]:
    """How many alerts are open, by their names."""
    return Counter(Alert.objects.open().values_list("name", flat=True))
