"""Changes of our stock that a PMS has to be told."""

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from inventory.models import MAX_REFERENCE_LENGTH, Reason, StockLevel, StockMovement
from pms_backend.api.moments import moment_constraint
from pms_integration.models.connections import MAX_EXTERNAL_ID_LENGTH, MAX_REASON_LENGTH, PMSConnection, PMSLocation
from products.skus import MAX_SKU_LENGTH


class StockPushStatus(models.TextChoices):
    """pending → acknowledged │ rejected."""

    PENDING = "pending", _("Pending")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    REJECTED = "rejected", _("Rejected")


class PMSStockPushQuerySet(models.QuerySet["PMSStockPush"]):
    """Queries of stock pushes."""

    def due(self) -> "PMSStockPushQuerySet":
        """Pushes that could be sent now, the one that is due longest first.

        A push waits for those before it at its level; one of a location that is not mapped any more for its mapping.
        """
        earlier = PMSStockPush.objects.filter(
            connection=models.OuterRef("connection"),
            level=models.OuterRef("level"),
            status=StockPushStatus.PENDING,
            id__lt=models.OuterRef("id"),
            due_at__gt=Now(),
        )
        mapping = PMSLocation.objects.filter(
            connection=models.OuterRef("connection"), location=models.OuterRef("level__location")
        )
        return self.filter(
            ~models.Exists(earlier),
            models.Exists(mapping),
            status=StockPushStatus.PENDING,
            due_at__lte=Now(),
            connection__in=PMSConnection.objects.called().filter(is_paused=False),
        ).order_by("due_at", "id")


class PMSStockPush(models.Model):
    """A movement of ours, or a correction without a movement, and whether the PMS has it.

    The table is the queue: a pending push is sent when it is due, those of a level in the order of their ids. What is
    sent is frozen when it is sent first: sent again, it is the same under the same key. `acknowledged_at` is when the
    PMS applied it, by its clock.
    """

    connection = models.ForeignKey(
        PMSConnection,
        on_delete=models.PROTECT,
        related_name="stock_pushes",
        db_index=False,
        verbose_name=_("connection"),
    )
    level = models.ForeignKey(
        StockLevel, on_delete=models.PROTECT, related_name="pms_pushes", db_index=False, verbose_name=_("level")
    )
    movement = models.ForeignKey(
        StockMovement, null=True, on_delete=models.PROTECT, related_name="pms_pushes", db_index=False
    )
    idempotency_key = models.UUIDField(_("idempotency key"), unique=True, db_default=RandomUUID(), editable=False)
    delta = models.BigIntegerField()
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    reference = models.CharField(_("reference"), max_length=MAX_REFERENCE_LENGTH, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))
    status = models.CharField(
        _("status"), max_length=12, choices=StockPushStatus.choices, default=StockPushStatus.PENDING
    )
    # The names under which it was sent first; empty before that.
    sku = models.CharField(_("SKU"), max_length=MAX_SKU_LENGTH, blank=True, db_default="")
    location_name = models.CharField(_("location name"), max_length=MAX_EXTERNAL_ID_LENGTH, blank=True, db_default="")
    # When it is sent, or the end of the lease of the worker that sends it.
    due_at = models.DateTimeField(_("due at"), db_default=Now())
    failures = models.PositiveSmallIntegerField(_("failures"), default=0, db_default=0)
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True)
    # Why it was rejected.
    error = models.CharField(_("error"), max_length=MAX_REASON_LENGTH, blank=True, db_default="")
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    objects = PMSStockPushQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name = _("stock push")
        verbose_name_plural = _("stock pushes")
        indexes = [
            models.Index(
                fields=["connection", "due_at", "id"], name="pms_push_due", condition=models.Q(status="pending")
            ),
            # Also those that are not acknowledged: NULL comes last.
            models.Index(fields=["connection", "level", "acknowledged_at"], name="pms_push_acknowledged"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["movement", "connection"], name="pms_push_of_a_movement_once"),
            models.CheckConstraint(name="pms_push_status_known", condition=models.Q(status__in=StockPushStatus.values)),
            models.CheckConstraint(
                name="pms_push_acknowledged_with_its_moment",
                condition=models.Q(status="acknowledged", acknowledged_at__isnull=False)
                | (~models.Q(status="acknowledged") & models.Q(acknowledged_at__isnull=True)),
            ),
            models.CheckConstraint(name="pms_push_changes_something", condition=~models.Q(delta=0)),
            models.CheckConstraint(
                name="pms_push_rejected_says_why", condition=~models.Q(status="rejected") | ~models.Q(error="")
            ),
            moment_constraint("pms_integration_pmsstockpush", "acknowledged_at"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.delta:+}"
