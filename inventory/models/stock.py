"""Locations, stock levels, and the ledger."""

from typing import Final

from django.contrib.postgres.indexes import BrinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH
from pms_backend.api.moments import moment_constraint
from products.models import Variant

MAX_CODE_LENGTH = 50
MAX_NOTE_LENGTH = 1_000
MAX_REFERENCE_LENGTH = 255
MAX_SOURCE_LENGTH = 400
# The most units of one change or count; the columns are 64-bit.
MAX_QUANTITY = 1_000_000_000


class Reason(models.TextChoices):
    """Why `on_hand` changed."""

    RECEIPT = "receipt", _("Receipt")
    SALE = "sale", _("Sale")
    RETURN = "return", _("Return")
    CORRECTION = "correction", _("Correction")
    DAMAGE = "damage", _("Damage")
    COUNT = "count", _("Count")
    TRANSFER_OUT = "transfer_out", _("Transfer out")
    TRANSFER_IN = "transfer_in", _("Transfer in")


# The reasons of adjustments; the others belong to counts and transfers. Those that only add units, and those that only
# take units away: a correction may do either.
ADJUSTMENT_REASONS = (Reason.RECEIPT, Reason.SALE, Reason.RETURN, Reason.CORRECTION, Reason.DAMAGE)
ADDING_REASONS = (Reason.RECEIPT, Reason.RETURN)
TAKING_REASONS = (Reason.SALE, Reason.DAMAGE)


CODE_VALIDATOR = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", _("Letters, digits, dots, dashes, underscores."))


class Location(models.Model):
    """A place that holds stock."""

    code = models.CharField(
        _("code"),
        max_length=MAX_CODE_LENGTH,
        unique=True,
        validators=[CODE_VALIDATOR],
    )
    name = models.CharField(_("name"), max_length=255)
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=100, help_text=_("Stock is taken from the lowest number first.")
    )
    is_active = models.BooleanField(_("is active"), default=True)
    address = models.TextField(_("address"), blank=True, max_length=1_000)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("location")
        verbose_name_plural = _("locations")
        ordering = ("priority", "code")
        constraints = [
            models.CheckConstraint(name="inventory_location_has_a_code", condition=~models.Q(code="")),
        ]

    def __str__(self) -> str:
        return self.name


# The levels that are alerts. One index of them serves both types of alert.
IN_NEED: Final = models.Q(is_low=True) | models.Q(is_oversold=True)


class StockLevelQuerySet(models.QuerySet["StockLevel"]):
    """Levels by type of alert."""

    def below_reorder_point(self) -> "StockLevelQuerySet":
        """Levels at or below their reorder point."""
        return self.filter(is_low=True)

    def oversold(self) -> "StockLevelQuerySet":
        """Levels of which more is promised than the backorder limit allows."""
        return self.filter(is_oversold=True)

    def in_need(self) -> "StockLevelQuerySet":
        """Levels of either type."""
        return self.filter(IN_NEED)


class StockLevel(models.Model):
    """How much of a variant is at a location.

    `counted_on_hand` and `counted_at` are its latest absolute count, by staff or by the PMS that owns the stock:
    `on_hand` is that count and the movements of later moments. They are not shown, and change without a new `version`.
    """

    variant = models.ForeignKey(
        Variant, verbose_name=_("variant"), on_delete=models.PROTECT, related_name="levels", db_index=False
    )
    location = models.ForeignKey(Location, verbose_name=_("location"), on_delete=models.PROTECT, related_name="levels")
    on_hand = models.BigIntegerField(_("on hand"), default=0, db_default=0)
    reserved = models.BigIntegerField(_("reserved"), default=0, db_default=0)
    incoming = models.BigIntegerField(_("incoming"), default=0, db_default=0)
    version = models.BigIntegerField(_("version"), default=0, db_default=0)
    reorder_point = models.BigIntegerField(_("reorder point"), null=True, blank=True)
    backorder_limit = models.BigIntegerField(_("backorder limit"), default=0, db_default=0)
    is_oversold = models.BooleanField(_("is oversold"), default=False, db_default=False)
    # `is_below_reorder_point`, for an index. An index of the quantities would be updated, with all others of this
    # table, by each change of a quantity; this one only by a change that crosses the reorder point.
    is_low = models.GeneratedField(
        expression=models.Case(
            models.When(reorder_point__gte=models.F("on_hand") - models.F("reserved"), then=True), default=False
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    counted_on_hand = models.BigIntegerField(null=True, editable=False)
    counted_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(_("updated at"), db_default=Now())

    objects = StockLevelQuerySet.as_manager()

    class Meta:
        verbose_name = _("stock level")
        verbose_name_plural = _("stock levels")
        ordering = ("id",)
        indexes = [models.Index(fields=["id"], name="inventory_stocklevel_in_need", condition=IN_NEED)]
        constraints = [
            models.UniqueConstraint(fields=["variant", "location"], name="inventory_stocklevel_one_per_place"),
            models.CheckConstraint(
                name="inventory_stocklevel_reserved_not_negative", condition=models.Q(reserved__gte=0)
            ),
            models.CheckConstraint(
                name="inventory_stocklevel_incoming_not_negative", condition=models.Q(incoming__gte=0)
            ),
            models.CheckConstraint(
                name="inventory_stocklevel_not_oversold_unawares",
                condition=models.Q(is_oversold=True)
                | models.Q(on_hand__gte=models.F("reserved") - models.F("backorder_limit")),
            ),
            models.CheckConstraint(
                name="inventory_stocklevel_limits_not_negative",
                condition=models.Q(backorder_limit__gte=0)
                & (models.Q(reorder_point__isnull=True) | models.Q(reorder_point__gte=0)),
            ),
            models.CheckConstraint(
                name="inventory_stocklevel_count_has_its_moment",
                condition=models.Q(counted_on_hand__isnull=True, counted_at__isnull=True)
                | models.Q(counted_on_hand__isnull=False, counted_at__isnull=False),
            ),
            moment_constraint("inventory_stocklevel", "counted_at"),
        ]

    def __str__(self) -> str:
        return f"{self.variant} @ {self.location}"

    @property
    def available(self) -> int:
        """The units that can still be promised; below zero after backorders or facts."""
        return self.on_hand - self.reserved

    @property
    def is_below_reorder_point(self) -> bool:
        """Whether the available units are at or below the reorder point."""
        return self.reorder_point is not None and self.available <= self.reorder_point


class StockMovementQuerySet(models.QuerySet["StockMovement"]):
    """Movements with what their representation needs."""

    def as_shown(self) -> "StockMovementQuerySet":
        """With the level's variant and location, and `reversed_by`, the id of the movement that reverses each."""
        reversal = self.model.objects.filter(reverses=models.OuterRef("pk")).order_by().values("pk")
        shown = self.select_related("level__variant", "level__location")
        return shown.annotate(reversed_by=models.Subquery(reversal))


class StockMovement(models.Model):
    """One change of `on_hand`: a line of the append-only ledger.

    `reverses` is the movement that this one takes back: one of the same level with the opposite `delta`.
    """

    level = models.ForeignKey(
        StockLevel, verbose_name=_("level"), on_delete=models.PROTECT, related_name="movements", db_index=False
    )
    level_version = models.BigIntegerField(_("level version"))
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices)
    delta = models.BigIntegerField(_("delta"))
    on_hand_after = models.BigIntegerField(_("on hand after"))
    note = models.CharField(_("note"), max_length=MAX_NOTE_LENGTH, blank=True)
    reference = models.CharField(_("reference"), max_length=MAX_REFERENCE_LENGTH, blank=True)
    actor = models.CharField(_("actor"), max_length=MAX_ACTOR_LENGTH)
    request_id = models.CharField(_("request id"), max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    source = models.CharField(_("source"), max_length=MAX_SOURCE_LENGTH, blank=True)
    # Whether the caller asked that its (level, reference, reason) acts only once.
    is_deduplicated = models.BooleanField(default=False, db_default=False, editable=False)
    occurred_at = models.DateTimeField(_("occurred at"), db_default=Now())
    # The same by the clock of the system that reported the change; only a change that another system reported has one.
    reported_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    reverses = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, editable=False, db_index=False, related_name="reversals"
    )

    objects = StockMovementQuerySet.as_manager()

    class Meta:
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        ordering = ("-id",)
        indexes = [
            # Covers reads of the stock at a moment.
            models.Index(fields=["level", "occurred_at"], name="inventory_movement_moment", include=["delta"]),
            models.Index(
                fields=["level", "reported_at"],
                name="inventory_movement_reported",
                condition=models.Q(reported_at__isnull=False),
            ),
            # Has the level too, because an order or an import may have thousands of movements.
            models.Index(
                fields=["reference", "level"], name="inventory_movement_reference", condition=~models.Q(reference="")
            ),
            # For the movements of the last days. Rows stand in the order in which they were written, so that this costs
            # a write next to nothing. Pages that were filled since the last vacuum are summarized too.
            BrinIndex(fields=["created_at"], name="inventory_movement_written", autosummarize=True),
        ]
        constraints = [
            models.UniqueConstraint(fields=["level", "level_version"], name="inventory_movement_one_per_version"),
            models.UniqueConstraint(
                fields=["source"], name="inventory_movement_source_unique", condition=~models.Q(source="")
            ),
            models.UniqueConstraint(
                fields=["level", "reference", "reason"],
                name="inventory_movement_acts_once",
                condition=models.Q(is_deduplicated=True),
            ),
            models.UniqueConstraint(
                fields=["reverses"], name="inventory_movement_reversed_once", condition=models.Q(reverses__isnull=False)
            ),
            models.CheckConstraint(
                name="inventory_movement_deduplicated_by_reference",
                condition=models.Q(is_deduplicated=False) | ~models.Q(reference=""),
            ),
            models.CheckConstraint(name="inventory_movement_changes_something", condition=~models.Q(delta=0)),
            models.CheckConstraint(
                name="inventory_movement_reason_known", condition=models.Q(reason__in=Reason.values)
            ),
            moment_constraint("inventory_stockmovement", "occurred_at"),
            moment_constraint("inventory_stockmovement", "reported_at"),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} {self.delta:+,}"

    @property
    def reporter(self) -> str:
        """The slug of the connection whose report made this movement; empty for a movement of ours."""
        if self.source:
            return self.source.partition(":")[0]
        return self.actor.removeprefix("pms:") if self.actor.startswith("pms:") else ""
