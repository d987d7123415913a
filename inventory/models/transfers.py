"""Transfers."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from inventory.models.stock import MAX_REFERENCE_LENGTH, Location, StockLevel
from products.models import Variant


class TransferStatus(models.TextChoices):
    """The status of a transfer."""

    DRAFT = "draft", _("Draft")
    IN_TRANSIT = "in_transit", _("In transit")
    RECEIVED = "received", _("Received")
    CANCELLED = "cancelled", _("Cancelled")


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Transfers with their lines."""

    def with_lines(self) -> "TransferQuerySet":
        """Reads the locations and the lines, in a constant number of statements."""
        lines = models.Prefetch("lines", TransferLine.objects.select_related("variant"))
        return self.select_related("source", "target").prefetch_related(lines)


class Transfer(models.Model):
    """Stock on its way from one location to another."""

    source = models.ForeignKey(
        Location, verbose_name=_("source"), on_delete=models.PROTECT, related_name="transfers_out"
    )
    target = models.ForeignKey(
        Location, verbose_name=_("target"), on_delete=models.PROTECT, related_name="transfers_in"
    )
    reference = models.CharField(_("reference"), max_length=MAX_REFERENCE_LENGTH, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=TransferStatus.choices, default=TransferStatus.DRAFT)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    shipped_at = models.DateTimeField(_("shipped at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["status", "id"], name="inventory_transfer_status"),
            # Whatever the database's collation is, for the beginning of a reference too.
            models.Index(fields=["reference"], name="inventory_transfer_reference", opclasses=["text_pattern_ops"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="inventory_transfer_goes_somewhere", condition=~models.Q(source=models.F("target"))
            ),
            models.CheckConstraint(
                name="inventory_transfer_status_known", condition=models.Q(status__in=TransferStatus.values)
            ),
            models.CheckConstraint(
                name="inventory_transfer_moments_fit_its_status",
                condition=models.Q(status=TransferStatus.DRAFT, shipped_at__isnull=True, closed_at__isnull=True)
                | models.Q(status=TransferStatus.IN_TRANSIT, shipped_at__isnull=False, closed_at__isnull=True)
                | models.Q(status=TransferStatus.RECEIVED, shipped_at__isnull=False, closed_at__isnull=False)
                | models.Q(status=TransferStatus.CANCELLED, closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source.code} to {self.target.code}"


class TransferLine(models.Model):
    """Units of a variant in a transfer; `in_transit` of them are shipped and not yet received or lost."""

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="lines", db_index=False)
    variant = models.ForeignKey(
        Variant, verbose_name=_("variant"), on_delete=models.PROTECT, related_name="transfer_lines"
    )
    # The level at the target, set when the transfer is shipped; units in transit are `incoming` of it.
    target_level = models.ForeignKey(
        StockLevel, null=True, blank=True, on_delete=models.PROTECT, related_name="incoming_lines"
    )
    quantity = models.BigIntegerField(_("quantity"))
    in_transit = models.BigIntegerField(default=0, db_default=0)
    received = models.BigIntegerField(default=0, db_default=0)
    lost = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = _("transfer line")
        verbose_name_plural = _("transfer lines")
        ordering = ("id",)
        indexes = [
            models.Index(
                fields=["target_level"],
                name="inventory_transferline_coming",
                condition=models.Q(in_transit__gt=0),
                include=["in_transit"],
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["transfer", "variant"], name="inventory_transferline_variant_once"),
            models.CheckConstraint(
                name="inventory_transferline_adds_up",
                condition=models.Q(quantity__gt=0, in_transit__gte=0, received__gte=0, lost__gte=0)
                & models.Q(quantity__gte=models.F("in_transit") + models.F("received") + models.F("lost")),
            ),
            models.CheckConstraint(
                name="inventory_transferline_comes_to_a_level",
                condition=models.Q(in_transit=0) | models.Q(target_level__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.variant}"
