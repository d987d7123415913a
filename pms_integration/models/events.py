"""The webhooks that were received through connections."""

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pms_integration.connectors.contract import MAX_WEBHOOK_ID_LENGTH
from pms_integration.models.connections import MAX_EXTERNAL_ID_LENGTH, MAX_REASON_LENGTH, PMSConnection
from products.skus import MAX_SKU_KEY_LENGTH

MAX_TYPE_LENGTH = 100


class PMSEventStatus(models.TextChoices):
    """received → processing → processed │ ignored │ deferred │ failed → dead."""

    RECEIVED = "received", _("Received")
    PROCESSING = "processing", _("Processing")
    PROCESSED = "processed", _("Processed")
    IGNORED = "ignored", _("Ignored")
    DEFERRED = "deferred", _("Deferred")
    FAILED = "failed", _("Failed")
    DEAD = "dead", _("Dead")


class PMSEventQuerySet(models.QuerySet["PMSEvent"]):
    """Queries of PMS events."""

    def due(self) -> "PMSEventQuerySet":
        """Events that wait to be applied, or whose worker died, the one that is due longest first."""
        return self.filter(due_at__lte=Now()).order_by("due_at", "id")

    def seconds_overdue(self) -> dict[str, float]:
        """For how long the oldest event of each connection has been due; 0 where none is due."""
        oldest = self.filter(due_at__lte=Now()).order_by().values("connection").annotate(due_at=models.Min("due_at"))
        since = dict(oldest.values_list("connection", "due_at"))
        now = timezone.now()
        connections = PMSConnection.objects.values_list("slug", "pk")
        return {slug: max(0.0, (now - since.get(pk, now)).total_seconds()) for slug, pk in connections}


class PMSEvent(models.Model):
    """A webhook of the PMS as it was received, and the outcome of applying it.

    The table is the queue: an event with a `due_at` is applied at that time.
    """

    connection = models.ForeignKey(
        PMSConnection, on_delete=models.PROTECT, related_name="events", db_index=False, verbose_name=_("connection")
    )
    webhook_id = models.CharField(_("webhook id"), max_length=MAX_WEBHOOK_ID_LENGTH)
    type = models.CharField(_("type"), max_length=MAX_TYPE_LENGTH, blank=True)
    # Those that the connector needs, by their names in lower case.
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    # False once the body is pruned. The row stays, so that a repeated webhook is recognised.
    has_body = models.BooleanField(default=True, db_default=True, editable=False)
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=PMSEventStatus.choices,
        default=PMSEventStatus.RECEIVED,
        db_default="received",
    )
    reason = models.CharField(max_length=MAX_REASON_LENGTH, blank=True, db_default="")
    attempts = models.PositiveIntegerField(_("attempts"), default=0, db_default=0)
    # Attempts that failed, without those that were deferred because the variant is not known yet.
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Attempts whose worker died.
    crashes = models.PositiveSmallIntegerField(_("crashes"), default=0, db_default=0)
    # Whether the last failure was an error of ours: a new process, perhaps of a new version, tries the event at once.
    failed_by_us = models.BooleanField(default=False, db_default=False)
    waits_for_sku_key = models.CharField(max_length=MAX_SKU_KEY_LENGTH, blank=True, db_default="")
    waits_for_external_id = models.CharField(max_length=MAX_EXTERNAL_ID_LENGTH, blank=True, db_default="")
    received_at = models.DateTimeField(_("received at"), db_default=Now())
    processed_at = models.DateTimeField(_("processed at"), null=True)
    due_at = models.DateTimeField(_("due at"), null=True, db_default=Now())

    objects = PMSEventQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("PMS event")
        verbose_name_plural = _("PMS events")
        indexes = [
            models.Index(fields=["due_at", "id"], name="pms_event_due", condition=models.Q(due_at__isnull=False)),
            models.Index(fields=["status", "id"], name="pms_event_status"),
            models.Index(
                fields=["processed_at"],
                name="pms_event_with_body",
                condition=models.Q(has_body=True, status__in=["processed", "ignored"]),
            ),
            models.Index(fields=["due_at"], name="pms_event_deferred", condition=models.Q(status="deferred")),
            models.Index(
                fields=["due_at"], name="pms_event_failed_by_us", condition=models.Q(status="failed", failed_by_us=True)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["connection", "webhook_id"], name="pms_event_once"),
            models.CheckConstraint(name="pms_event_status_known", condition=models.Q(status__in=PMSEventStatus.values)),
            models.CheckConstraint(
                name="pms_event_due_while_unfinished",
                condition=models.Q(status__in=["processed", "ignored", "dead"], due_at__isnull=True)
                | models.Q(status__in=["received", "processing", "deferred", "failed"], due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.webhook_id}"
