"""Writes alerts, as the monitor has seen them."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from pms_backend.operations.alerts.tracker import TrackedAlert
from pms_backend.operations.models import MAX_DETAIL_LENGTH, MAX_SUBJECT_LENGTH, Alert

logger = logging.getLogger(__name__)


def record_alerts(alerts: Sequence[TrackedAlert]) -> None:
    """Writes alerts that have opened, were told or are resolved; may be repeated with the same ones."""
    for alert in alerts:
        try:
            _record_alert(alert)
        except (IntegrityError, DataError):
            # The clock was set back, for example. It would be refused again, and hold up the others.
            logger.exception("The alert %s cannot be written", alert.key)


@transaction.atomic
def _record_alert(alert: TrackedAlert) -> None:
    name, subject = alert.key[0], alert.key[1][:MAX_SUBJECT_LENGTH]
    # One that a monitor has left open which was ended before it could write that it was over.
    left_open = Alert.objects.open().filter(name=name, subject=subject, began_at__lt=alert.began_at)
    left_open.update(resolved_at=alert.began_at)
    Alert.objects.update_or_create(
        name=name,
        subject=subject,
        began_at=alert.began_at,
        defaults={
            "severity": alert.finding.severity,
            "detail": alert.finding.detail[:MAX_DETAIL_LENGTH],
            "told_at": alert.told_at,
            "resolved_at": alert.resolved_at,
        },
    )


def prune_alerts() -> int:
    """Deletes alerts that were resolved longer ago than the audit log is kept; returns how many."""
    expired = timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS)
    return Alert.objects.filter(resolved_at__lt=expired).delete()[0]
