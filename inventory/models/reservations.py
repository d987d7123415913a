"""Reservations."""

from typing import Any, Final, Self

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from inventory.models.stock import MAX_REFERENCE_LENGTH, StockLevel
from pms_backend.api.context import MAX_ACTOR_LENGTH
from pms_backend.api.moments import moment_constraint


class ReservationStatus(models.TextChoices):
    """The status of a reservation."""

    ACTIVE = "active", _("Active")
    COMMITTED = "committed", _("Committed")
    RELEASED = "released", _("Released")
    EXPIRED = "expired", _("Expired")


# Past its end, whether or not the sweep has ended it, by the clock of the database.
_IS_OVERDUE: Final = models.Q(status=ReservationStatus.ACTIVE, expires_at__lte=Now())


class ReservationQuerySet(models.QuerySet["Reservation"]):
    """Reservations by client and status."""

    def of(self, client: str | None) -> Self:
        """Reservations of this client; None for all clients."""
        return self if client is None else self.filter(client=client)

    def overdue(self) -> Self:
        """Active reservations that are past their end."""
        return self.filter(_IS_OVERDUE)

    def shown_as(self, status: str) -> Self:
        """Reservations with this `shown_status`."""
        if status == ReservationStatus.EXPIRED:
            return self.filter(models.Q(status=status) | _IS_OVERDUE)
        chosen = self.filter(status=status)
        return chosen.exclude(_IS_OVERDUE) if status == ReservationStatus.ACTIVE else chosen

    def as_of_now(self) -> Self:
        """Reads `is_overdue`, and the lines with their levels."""
        lines = ReservationLine.objects.select_related("level__variant", "level__location").order_by("id")
        overdue = models.ExpressionWrapper(_IS_OVERDUE, output_field=models.BooleanField())
        return self.annotate(is_overdue=overdue).prefetch_related(models.Prefetch("lines", queryset=lines))


class Reservation(models.Model):
    """Stock that is promised to a client until `expires_at`: on hand, but not available.

    `client` is the identity of the caller that made it (`access.caller.Caller.identity`); a `reference` is unique among
    the client's active and committed reservations. `requested` is the request, to recognize its repetition: a sorted
    list of `[variant, location or null, quantity]`.
    """

    # Read by `ReservationQuerySet.as_of_now`.
    is_overdue: bool = False
    # As `representation.reservation_as_dict` shows it, set by the statements that change it. It is true of that moment:
    # an instance that has it is not changed or refreshed.
    shown: dict[str, Any] | None = None

    client = models.CharField(_("client"), max_length=MAX_ACTOR_LENGTH)
    reference = models.CharField(_("reference"), max_length=MAX_REFERENCE_LENGTH)
    status = models.CharField(
        _("status"), max_length=10, choices=ReservationStatus.choices, default=ReservationStatus.ACTIVE
    )
    requested = models.JSONField(db_default=models.Value([], models.JSONField()), default=list, editable=False)
    expires_at = models.DateTimeField(_("expires at"))
    created_at = models.DateTimeField(_("created at"), db_default=Now())
    updated_at = models.DateTimeField(_("updated at"), db_default=Now())

    objects = ReservationQuerySet.as_manager()

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        ordering = ("-id",)
        indexes = [
            models.Index(
                fields=["expires_at", "id"],
                name="inventory_reservation_expiring",
                condition=models.Q(status=ReservationStatus.ACTIVE),
            ),
            # Whatever the database's collation is, for the beginning of a reference too.
            models.Index(fields=["reference"], name="inventory_reservation_by_name", opclasses=["text_pattern_ops"]),
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
            moment_constraint("inventory_reservation", "expires_at"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def shown_status(self) -> str:
        """The status as the API and the events show it: `expired` from its end on, even before the sweep."""
        return ReservationStatus.EXPIRED if self.is_overdue else self.status


class ReservationLine(models.Model):
    """Units of one level in a reservation.

    Of the `quantity`, `reserved` units are still held and `committed` units are sold; the others were released.
    """

    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="lines", db_index=False)
    level = models.ForeignKey(StockLevel, on_delete=models.PROTECT, related_name="reservation_lines")
    quantity = models.BigIntegerField()
    reserved = models.BigIntegerField()
    committed = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = _("reservation line")
        verbose_name_plural = _("reservation lines")
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
