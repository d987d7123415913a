"""Count sheets."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from inventory.models.stock import MAX_NOTE_LENGTH, Location
from pms_backend.api.moments import moment_constraint
from products.models import Variant

MAX_STOCKTAKE_LINES = 50_000


class StocktakeStatus(models.TextChoices):
    """The status of a stocktake."""

    OPEN = "open", _("Open")
    POSTED = "posted", _("Posted")
    CANCELLED = "cancelled", _("Cancelled")


class StocktakeQuerySet(models.QuerySet["Stocktake"]):
    """Count sheets by what is to be done."""

    def ready_to_post(self) -> "StocktakeQuerySet":
        """Open sheets with lines, all of which are counted."""
        lines = StocktakeLine.objects.filter(stocktake=models.OuterRef("pk"))
        return self.filter(
            models.Exists(lines), ~models.Exists(lines.filter(counted=None)), status=StocktakeStatus.OPEN
        )


class Stocktake(models.Model):
    """A count sheet of one location. On a blind one, whoever counts does not see what is expected."""

    location = models.ForeignKey(
        Location, verbose_name=_("location"), on_delete=models.PROTECT, related_name="stocktakes"
    )
    status = models.CharField(_("status"), max_length=10, choices=StocktakeStatus.choices, default=StocktakeStatus.OPEN)
    is_blind = models.BooleanField(
        _("blind"),
        default=True,
        db_default=True,
        help_text=_("Whoever counts does not see how many units are expected, and so counts without prejudice."),
    )
    note = models.CharField(_("note"), max_length=MAX_NOTE_LENGTH, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    objects = StocktakeQuerySet.as_manager()

    class Meta:
        verbose_name = _("count sheet")
        verbose_name_plural = _("count sheets")
        ordering = ("-id",)
        permissions = [("post_stocktake", "Can post or cancel count sheet")]
        constraints = [
            models.CheckConstraint(
                name="inventory_stocktake_status_known", condition=models.Q(status__in=StocktakeStatus.values)
            ),
            models.CheckConstraint(
                name="inventory_stocktake_closed_when_not_open",
                condition=models.Q(status=StocktakeStatus.OPEN, closed_at__isnull=True)
                | (~models.Q(status=StocktakeStatus.OPEN) & models.Q(closed_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.location.code}, {self.created_at:%Y-%m-%d}"


class StocktakeLine(models.Model):
    """A variant on a count sheet: the units expected when the sheet was made, the count, and the change it made."""

    stocktake = models.ForeignKey(Stocktake, on_delete=models.PROTECT, related_name="lines", db_index=False)
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="stocktake_lines")
    expected = models.BigIntegerField()
    counted = models.BigIntegerField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    posted_delta = models.BigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("stocktake line")
        verbose_name_plural = _("stocktake lines")
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["stocktake", "variant"], name="inventory_stocktakeline_variant_once"),
            models.CheckConstraint(
                name="inventory_stocktakeline_count_has_its_moment",
                condition=models.Q(counted__isnull=True, counted_at__isnull=True)
                | models.Q(counted__isnull=False, counted__gte=0, counted_at__isnull=False),
            ),
            moment_constraint("inventory_stocktakeline", "counted_at"),
        ]

    def __str__(self) -> str:
        return str(self.variant)
