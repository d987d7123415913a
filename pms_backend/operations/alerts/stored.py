"""The alerts in the database: those that a process before this one has left open, and those that are open now."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max
from django.utils import timezone

from pms_backend.operations.alerts.digest import QUIET_FOR
from pms_backend.operations.alerts.tracker import Finding, Key, TrackedAlert
from pms_backend.operations.models import Alert, AlertSeverity


@dataclass(frozen=True, slots=True)
class StoredAlerts:
    """What a monitor takes up when it starts."""

    open: list[TrackedAlert]
    last_told: Mapping[Key, datetime]


def stored_alerts() -> StoredAlerts:
    """The open alerts, and when those that were told lately were told last."""
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
    lately = Alert.objects.filter(told_at__gt=timezone.now() - QUIET_FOR).order_by()
    told = lately.values("name", "subject").annotate(last=Max("told_at")).values_list("name", "subject", "last")
    return StoredAlerts(still_open, {(name, subject): last for name, subject, last in told})


def open_alerts() -> Counter[str]:
    """How many alerts are open, by their names."""
    return Counter(Alert.objects.open().values_list("name", flat=True))
