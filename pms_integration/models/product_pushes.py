"""Products whose changes a PMS has to be told."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pms_integration.models.connections import MAX_REASON_LENGTH, PMSConnection
from pms_integration.models.reported import PMSProduct


class PMSProductPushQuerySet(models.QuerySet["PMSProductPush"]):
    """Queries of product pushes."""

    def due(self) -> "PMSProductPushQuerySet":
        """Pushes that wait to be sent to a PMS that may be called now, the one that is due longest first."""
        is_callable = models.Q(next_try_at__isnull=True) | models.Q(next_try_at__lte=Now())
        return self.filter(
            models.Q(leased_until__isnull=True) | models.Q(leased_until__lte=Now()),
            due_at__lte=Now(),
            pms_product__connection__in=PMSConnection.objects.called().filter(is_callable, is_paused=False),
        ).order_by("due_at", "id")


class PMSProductPush(models.Model):
    """A product that may have changed since the PMS was told: what it is told is worked out when it is sent.

    The table is the queue: one row for a product, however often it changes. `idempotency_key`, `payload`, `version` and
    `sent` are the request whose answer is not known yet: it is sent again as it is until it has one. `sent` has the
    pairs (theirs, ours) of the fields that it changes.
    """

    pms_product = models.OneToOneField(PMSProduct, on_delete=models.CASCADE, related_name="push")
    requested_at = models.DateTimeField(_("requested at"), db_default=Now())
    # None: the PMS has refused it, and it waits for the next change.
    due_at = models.DateTimeField(_("due at"), null=True, db_default=Now())
    # The end of the lease of the worker that sends it. Of each connection, one worker at a time has a lease.
    leased_until = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(_("failures"), default=0, db_default=0)
    # Why it was not taken last.
    error = models.CharField(_("error"), max_length=MAX_REASON_LENGTH, blank=True, db_default="")
    idempotency_key = models.UUIDField(_("idempotency key"), null=True, unique=True, editable=False)
    payload = models.JSONField(null=True)
    # Whether it makes the product there.
    creates = models.BooleanField(default=False, db_default=False)
    version = models.BigIntegerField(null=True)
    sent = models.JSONField(default=dict, db_default={})
    # How often the request was sent.
    attempts = models.PositiveIntegerField(_("attempts"), default=0, db_default=0)

    objects = PMSProductPushQuerySet.as_manager()

    class Meta:
        ordering = ("due_at", "id")
        verbose_name = _("product push")
        verbose_name_plural = _("product pushes")
        indexes = [
            models.Index(fields=["due_at", "id"], name="pms_product_push_due"),
            models.Index(fields=["leased_until"], name="pms_product_push_leased"),
        ]
        constraints = [
            models.CheckConstraint(
                name="pms_product_push_request_with_its_key",
                condition=models.Q(idempotency_key__isnull=True, payload__isnull=True, sent={})
                | models.Q(idempotency_key__isnull=False, payload__isnull=False),
            ),
            models.CheckConstraint(
                name="pms_product_push_refused_says_why",
                condition=models.Q(due_at__isnull=False) | ~models.Q(error=""),
            ),
        ]

    def __str__(self) -> str:
        return str(self.pms_product)
