"""The heartbeats of beat and of the workers, what the counters rose by, and the alerts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_SUBJECT_LENGTH = 100
MAX_DETAIL_LENGTH = 1_000


class Heartbeat(models.Model):
    """When beat, or the worker of a queue, was seen last, and since when without a gap, by the database's clock.

    A worker's comes from a task of beat: beat, broker, worker and database work. Beat's is its own.
    """

    name = models.CharField(primary_key=True, max_length=20)
    beat_at = models.DateTimeField()
    steady_since = models.DateTimeField()

    class Meta:
        verbose_name = "heartbeat"

    def __str__(self) -> str:
        return self.name


class MetricIncrease(models.Model):
    """What a counter, over all processes, rose by in five minutes; in an hour, once that is a day old."""

    began_at = models.DateTimeField()
    name = models.CharField(max_length=60)
    labels = models.JSONField()
    amount = models.BigIntegerField()

    class Meta:
        verbose_name = "metric increase"
        constraints = (
            models.UniqueConstraint(fields=["began_at", "name", "labels"], name="operations_metricincrease_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="operations_metricincrease_amount_positive"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.labels}: {self.amount} from {self.began_at} on"


class AlertSeverity(models.TextChoices):
    """critical: something does not work; warning: somebody should look at it in time."""

    CRITICAL = "critical", _("Critical")
    WARNING = "warning", _("Warning")


class AlertQuerySet(models.QuerySet["Alert"]):
    """Alerts by their state."""

    def open(self) -> "AlertQuerySet":
        """Those that are not resolved, the oldest first."""
        return self.filter(resolved_at=None).order_by("began_at", "pk")


class Alert(models.Model):
    """Something that was or is wrong, by its name in docs/operations.md and what it is about.

    The monitor writes it as soon as the database answers. `told_at` is when its opening was sent to the channels.
    """

    name = models.CharField(_("name"), max_length=40)
    subject = models.CharField(_("subject"), max_length=MAX_SUBJECT_LENGTH, blank=True)
    severity = models.CharField(_("severity"), max_length=8, choices=AlertSeverity.choices)
    detail = models.CharField(_("detail"), max_length=MAX_DETAIL_LENGTH, blank=True)
    began_at = models.DateTimeField(_("since"))
    told_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True)

    objects = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [
            models.UniqueConstraint(
                fields=["name", "subject"], name="operations_alert_open_once", condition=models.Q(resolved_at=None)
            ),
            models.UniqueConstraint(fields=["name", "subject", "began_at"], name="operations_alert_once"),
            models.CheckConstraint(
                name="operations_alert_severity_known", condition=models.Q(severity__in=AlertSeverity.values)
            ),
            models.CheckConstraint(
                name="operations_alert_resolved_after_it_began",
                condition=models.Q(resolved_at=None) | models.Q(resolved_at__gte=models.F("began_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.subject}".strip()
