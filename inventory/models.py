"""Locations, stock levels, and the ledger."""

from typing import Final, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from pms_backend.api.context import MAX_ACTOR_LENGTH, MAX_REQUEST_ID_LENGTH
from products.models import Variant

MAX_CODE_LENGTH = 50
MAX_NOTE_LENGTH = 1_000
MAX_REFERENCE_LENGTH = 255
MAX_SOURCE_LENGTH = 400
# The most that one change or count may say; figures themselves are 64-bit.
MAX_QUANTITY = 1_000_000_000
MAX_STOCKTAKE_LINES = 50_000


class Reason(models.TextChoices):
    """Why `on_hand` changed."""

    RECEIPT = "receipt"
    SALE = "sale"
    RETURN = "return"
    CORRECTION = "correction"
    DAMAGE = "damage"
    COUNT = "count"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"


# Those that an adjustment may name; the others are written by what they are called after.
ADJUSTMENT_REASONS = (Reason.RECEIPT, Reason.SALE, Reason.RETURN, Reason.CORRECTION, Reason.DAMAGE)


CODE_VALIDATOR = RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Letters, digits, dots, dashes, underscores.")


class Location(models.Model):
    """A place that holds stock."""

    code = models.CharField(
        max_length=MAX_CODE_LENGTH,
        unique=True,
        validators=[CODE_VALIDATOR],
    )
    name = models.CharField(max_length=255)
    priority = models.PositiveSmallIntegerField(default=100, help_text="Stock is taken from the lowest number first.")
    is_active = models.BooleanField(default=True)
    address = models.TextField(blank=True, max_length=1_000)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("priority", "code")
        constraints = [
            models.CheckConstraint(name="inventory_location_has_a_code", condition=~models.Q(code="")),
        ]

    def __str__(self) -> str:
        return self.name


# What there are alerts of. One index of these rows serves each of the two kinds too.
IN_NEED: Final = models.Q(is_low=True) | models.Q(is_oversold=True)


class StockLevelQuerySet(models.QuerySet["StockLevel"]):
    """Levels by what is to be done about them."""

    def below_reorder_point(self) -> "StockLevelQuerySet":
        """Those of which no more is available than their reorder point."""
        return self.filter(is_low=True)

    def oversold(self) -> "StockLevelQuerySet":
        """Those of which more is promised than may be."""
        return self.filter(is_oversold=True)

    def in_need(self) -> "StockLevelQuerySet":
        """Either of the two."""
        return self.filter(IN_NEED)


class StockLevel(models.Model):
    """How much of a variant is at a location.

    `counted_on_hand` and `counted_at` are the latest absolute figure known for it, a count or what its owner reported:
    `on_hand` is that figure and every movement of a later moment. They are the ledger's bookkeeping, no part of what a
    level shows, and change without a new `version`.
    """

    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="levels")
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="levels")
    on_hand = models.BigIntegerField(default=0, db_default=0)
    reserved = models.BigIntegerField(default=0, db_default=0)
    incoming = models.BigIntegerField(default=0, db_default=0)
    version = models.BigIntegerField(default=0, db_default=0)
    reorder_point = models.BigIntegerField(null=True, blank=True)
    backorder_limit = models.BigIntegerField(default=0, db_default=0)
    is_oversold = models.BooleanField(default=False, db_default=False)
    # `is_below_reorder_point`, kept by the database. An index of the figures themselves would be written anew, with all
    # others of this table, by each change of a figure; one of this is by a change that crosses the reorder point.
    is_low = models.GeneratedField(
        expression=models.Case(
            models.When(reorder_point__gte=models.F("on_hand") - models.F("reserved"), then=True), default=False
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    counted_on_hand = models.BigIntegerField(null=True, editable=False)
    counted_at = models.DateTimeField(null=True, editable=False)
    updated_at = models.DateTimeField(db_default=Now())

    objects = StockLevelQuerySet.as_manager()

    class Meta:
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
        ]

    def __str__(self) -> str:
        return f"{self.variant} @ {self.location}"

    @property
    def available(self) -> int:
        """What can still be promised; below zero where backorders or facts took it there."""
        return self.on_hand - self.reserved

    @property
    def is_below_reorder_point(self) -> bool:
        """Whether no more is available than the reorder point."""
        return self.reorder_point is not None and self.available <= self.reorder_point


class StockMovement(models.Model):
    """One change of `on_hand`: a line of the append-only ledger."""

    level = models.ForeignKey(StockLevel, on_delete=models.PROTECT, related_name="movements")
    level_version = models.BigIntegerField()
    reason = models.CharField(max_length=12, choices=Reason.choices)
    delta = models.BigIntegerField()
    on_hand_after = models.BigIntegerField()
    note = models.CharField(max_length=MAX_NOTE_LENGTH, blank=True)
    reference = models.CharField(max_length=MAX_REFERENCE_LENGTH, blank=True)
    actor = models.CharField(max_length=MAX_ACTOR_LENGTH)
    request_id = models.CharField(max_length=MAX_REQUEST_ID_LENGTH, blank=True)
    source = models.CharField(max_length=MAX_SOURCE_LENGTH, blank=True)
    # Whether its (level, reference, reason) may act once alone: somebody asked for that.
    is_deduplicated = models.BooleanField(default=False, db_default=False, editable=False)
    occurred_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-id",)
        indexes = [
            # What was on hand at a moment is read from it alone.
            models.Index(fields=["level", "occurred_at"], name="inventory_movement_moment", include=["delta"]),
            # By the level too: an order, or an import, may have thousands of movements.
            models.Index(
                fields=["reference", "level"], name="inventory_movement_reference", condition=~models.Q(reference="")
            ),
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
            models.CheckConstraint(
                name="inventory_movement_deduplicated_by_reference",
                condition=models.Q(is_deduplicated=False) | ~models.Q(reference=""),
            ),
            models.CheckConstraint(name="inventory_movement_changes_something", condition=~models.Q(delta=0)),
            models.CheckConstraint(
                name="inventory_movement_reason_known", condition=models.Q(reason__in=Reason.values)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason} {self.delta:+}"


class ReservationStatus(models.TextChoices):
    """What became of a reservation."""

    ACTIVE = "active"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"


# Past its end, swept or not: by the database's clock, as everything that has to do with time here.
_IS_OVERDUE: Final = models.Q(status=ReservationStatus.ACTIVE, expires_at__lte=Now())


class ReservationQuerySet(models.QuerySet["Reservation"]):
    """Reservations by whose they are and by what has become of them."""

    def of(self, client: str | None) -> Self:
        """Those of this client; of all where it is None."""
        return self if client is None else self.filter(client=client)

    def overdue(self) -> Self:
        """Active ones that are past their end and not swept yet."""
        return self.filter(_IS_OVERDUE)

    def shown_as(self, status: str) -> Self:
        """Those of this `shown_status`."""
        if status == ReservationStatus.EXPIRED:
            return self.filter(models.Q(status=status) | _IS_OVERDUE)
        chosen = self.filter(status=status)
        return chosen.exclude(_IS_OVERDUE) if status == ReservationStatus.ACTIVE else chosen

    def as_of_now(self) -> Self:
        """With `is_overdue`, and with what each line shows."""
        lines = ReservationLine.objects.select_related("level__variant", "level__location").order_by("id")
        overdue = models.ExpressionWrapper(_IS_OVERDUE, output_field=models.BooleanField())
        return self.annotate(is_overdue=overdue).prefetch_related(models.Prefetch("lines", queryset=lines))


class Reservation(models.Model):
    """Stock that is promised to somebody for a while: it is no longer available, and still on hand.

    `client` is the identity of the caller that made it (`access.caller.Caller.identity`); its `reference` means one
    reservation among those that are active or committed. `requested` is what it asked for, by which the same request
    is known again: `[variant, location or null, quantity]`, sorted.
    """

    # As `ReservationQuerySet.as_of_now` read it.
    is_overdue: bool = False

    client = models.CharField(max_length=MAX_ACTOR_LENGTH)
    reference = models.CharField(max_length=MAX_REFERENCE_LENGTH)
    status = models.CharField(max_length=10, choices=ReservationStatus.choices, default=ReservationStatus.ACTIVE)
    requested = models.JSONField(db_default=models.Value([], models.JSONField()), default=list, editable=False)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    objects = ReservationQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(
                fields=["expires_at", "id"],
                name="inventory_reservation_expiring",
                condition=models.Q(status=ReservationStatus.ACTIVE),
            ),
            models.Index(fields=["reference"], name="inventory_reservation_by_name"),
            models.Index(fields=["client", "id"], name="inventory_reservation_client"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "reference"],
                name="inventory_reservation_reference_unique",
                condition=models.Q(status__in=[ReservationStatus.ACTIVE, ReservationStatus.COMMITTED]),
            ),
            models.CheckConstraint(
                name="inventory_reservation_status_known", condition=models.Q(status__in=ReservationStatus.values)
            ),
            models.CheckConstraint(name="inventory_reservation_has_a_reference", condition=~models.Q(reference="")),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def shown_status(self) -> str:
        """Its status to everybody outside: it is expired from its end on, not from when it is swept."""
        return ReservationStatus.EXPIRED if self.is_overdue else self.status


class ReservationLine(models.Model):
    """So many units of one level that a reservation asked for.

    `reserved` of them are held still and `committed` are sold; the others went back.
    """

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="lines")
    level = models.ForeignKey(StockLevel, on_delete=models.PROTECT, related_name="reservation_lines")
    quantity = models.BigIntegerField()
    reserved = models.BigIntegerField()
    committed = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ("id",)
        indexes = [
            models.Index(
                fields=["level"],
                name="inventory_reservationline_held",
                condition=models.Q(reserved__gt=0),
                include=["reserved"],
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reservation", "level"], name="inventory_reservationline_level_once"),
            models.CheckConstraint(
                name="inventory_reservationline_adds_up",
                condition=models.Q(quantity__gt=0, reserved__gte=0, committed__gte=0)
                & models.Q(quantity__gte=models.F("reserved") + models.F("committed")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.level}"


class TransferStatus(models.TextChoices):
    """How far a transfer is."""

    DRAFT = "draft"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    CANCELLED = "cancelled"


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Transfers as they are read."""

    def with_lines(self) -> "TransferQuerySet":
        """With all that is shown of them, in a constant number of statements."""
        lines = models.Prefetch("lines", TransferLine.objects.select_related("variant"))
        return self.select_related("source", "target").prefetch_related(lines)


class Transfer(models.Model):
    """Stock on its way from one location to another."""

    source = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="transfers_out")
    target = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="transfers_in")
    reference = models.CharField(max_length=MAX_REFERENCE_LENGTH, blank=True)
    status = models.CharField(max_length=10, choices=TransferStatus.choices, default=TransferStatus.DRAFT)
    created_at = models.DateTimeField(db_default=Now())
    shipped_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["status", "id"], name="inventory_transfer_status")]
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
    """So many units of a variant that a transfer moves; `in_transit` of them have left and not arrived."""

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="lines")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="transfer_lines")
    # Of the target, once it is shipped: what is on its way there is `incoming` of it.
    target_level = models.ForeignKey(
        StockLevel, null=True, blank=True, on_delete=models.PROTECT, related_name="incoming_lines"
    )
    quantity = models.BigIntegerField()
    in_transit = models.BigIntegerField(default=0, db_default=0)
    received = models.BigIntegerField(default=0, db_default=0)
    lost = models.BigIntegerField(default=0, db_default=0)

    class Meta:
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


class StocktakeStatus(models.TextChoices):
    """How far a stocktake is."""

    OPEN = "open"
    POSTED = "posted"
    CANCELLED = "cancelled"


class Stocktake(models.Model):
    """A count sheet of one location."""

    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="stocktakes")
    status = models.CharField(max_length=10, choices=StocktakeStatus.choices, default=StocktakeStatus.OPEN)
    note = models.CharField(max_length=MAX_NOTE_LENGTH, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
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
    """What of a variant was expected when the sheet was made, what was counted, when, and what the count changed."""

    stocktake = models.ForeignKey(Stocktake, on_delete=models.PROTECT, related_name="lines")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="stocktake_lines")
    expected = models.BigIntegerField()
    counted = models.BigIntegerField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    posted_delta = models.BigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["stocktake", "variant"], name="inventory_stocktakeline_variant_once"),
            models.CheckConstraint(
                name="inventory_stocktakeline_count_has_its_moment",
                condition=models.Q(counted__isnull=True, counted_at__isnull=True)
                | models.Q(counted__gte=0, counted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return str(self.variant)
