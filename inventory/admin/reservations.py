"""Reservations. Staff release those that hold stock too long, and commit those that were sold elsewhere."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from inventory import services
from inventory.models import Reservation, ReservationLine, ReservationStatus, StockLevel
from pms_backend.api.admin_tables import MAIN_NUMBER, NUMBER, SHORT, TABLES, TEXT, Table, link
from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import action, display

STATUS_LABELS: Final = {
    ReservationStatus.ACTIVE.label: "info",
    ReservationStatus.COMMITTED.label: "success",
    ReservationStatus.RELEASED.label: "warning",
    ReservationStatus.EXPIRED.label: "warning",
}
MAX_HELD_SHOWN: Final = 50

Transition = Callable[..., Reservation]


class StatusFilter(admin.SimpleListFilter):
    """Filters by the status that the list shows."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every status."""
        return [(status.value, str(status.label)) for status in ReservationStatus]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The reservations with the chosen status."""
        return queryset.shown_as(self.value()) if self.value() in ReservationStatus.values else queryset


@admin.register(Reservation)
class ReservationAdmin(GrowingTableAdmin):
    """Reservations, newest first. Staff may only end them."""

    list_display = ("reference", "status_label", "client", "units_held", "units_sold", "expires", "made")
    list_filter = (StatusFilter,)
    search_fields = ("reference",)
    search_help_text = "The whole reference"
    ordering = ("-id",)
    sortable_by = ()
    fields = (("reference", "status_label"), ("client", "expires_at"), ("created_at", "updated_at"))
    actions = ("release_selected",)
    actions_detail = ("release", "commit")
    change_form_outer_after_template = TABLES

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reservation]:
        """Adds the units that each holds and has sold."""
        reservations = Reservation.objects.as_of_now().prefetch_related(None)
        return reservations.annotate(held_units=_sum_of("reserved"), sold_units=_sum_of("committed"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Finds a reference by its index."""
        term = search_term.strip()
        return (queryset.filter(reference=term) if term else queryset), False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the lines below."""
        context = {**context, "tables": [_lines_of(context["original"])]}
        return super().render_change_form(request, context, *args, **kwargs)

    def has_end_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change reservations."""
        return request.user.has_perm("inventory.change_reservation")

    @action(description="Release", url_path="release", permissions=["end"], icon="undo")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        note = "What it holds still becomes available to everybody."
        return self._end(request, object_id, services.release_reservation, "Release", "released", note)

    @action(description="Commit", url_path="commit", permissions=["end"], icon="sell")
    def commit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        note = "What it holds still is sold: it leaves the stock."
        return self._end(request, object_id, services.commit_reservation, "Commit", "committed", note)

    @action(description="Release", permissions=["end"])
    def release_selected(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> None:
        """Releases the active ones among them."""
        count = 0
        for reservation in queryset:
            try:
                services.release_reservation(reservation_id=reservation.pk, client=None)
                count += 1
            except DomainError as error:
                messages.warning(request, f"{reservation.reference} is not released: {error.detail}")
        if count:
            messages.success(request, f"{count} {'reservation is' if count == 1 else 'reservations are'} released.")

    @display(description="Status", label=STATUS_LABELS)
    def status_label(self, reservation: Reservation) -> str:
        """The status, as a badge."""
        return str(ReservationStatus(reservation.shown_status).label)

    @display(description="Reserved")
    def units_held(self, reservation: Any) -> int:
        """The units held, over all lines."""
        return reservation.held_units or 0

    @display(description="Sold")
    def units_sold(self, reservation: Any) -> int:
        """The units sold, over all lines."""
        return reservation.sold_units or 0

    @display(description="Until")
    def expires(self, reservation: Reservation) -> SafeString:
        """The moment when it expires."""
        return moment(reservation.expires_at)

    @display(description="Made")
    def made(self, reservation: Reservation) -> SafeString:
        """The moment of its creation."""
        return moment(reservation.created_at)

    def _end(
        self, request: HttpRequest, object_id: str, transition: Transition, verb: str, done: str, note: str
    ) -> HttpResponse:
        reservation: Reservation = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(transition, reservation_id=reservation.pk, client=None),
            success=f"{reservation.reference} is {done}.",
            back=_page(reservation),
            title=f"{verb} {reservation.reference}",
            note=note,
            button=verb,
            original=reservation,
        )


def _sum_of(field: str) -> Subquery:
    # Not a join, which would add up all reservations for one page.
    lines = ReservationLine.objects.filter(reservation=OuterRef("pk")).order_by().values("reservation")
    return Subquery(lines.annotate(sum=Sum(field)).values("sum"))


def reservations_of(level: StockLevel) -> Table:
    """The reservations that hold units of a level; those that end first."""
    lines = ReservationLine.objects.filter(level=level, reserved__gt=0).select_related("reservation")
    return Table(
        title="Reserved for",
        columns={"Reference": TEXT, "Client": TEXT, "Units": MAIN_NUMBER, "Until": SHORT},
        rows=[
            (
                link(_page(line.reservation), line.reservation.reference),
                line.reservation.client,
                line.reserved,
                moment(line.reservation.expires_at),
            )
            for line in lines.order_by("reservation__expires_at", "id")[:MAX_HELD_SHOWN]
        ],
    )


def _lines_of(reservation: Reservation) -> Table:
    lines = reservation.lines.select_related("level__variant", "level__location").order_by("id")
    return Table(
        title="Lines",
        columns={"SKU": TEXT, "Location": TEXT, "Asked for": NUMBER, "Reserved": MAIN_NUMBER, "Sold": NUMBER},
        rows=[
            (
                link(reverse("admin:inventory_stocklevel_change", args=[line.level_id]), line.level.variant.sku),
                line.level.location.name,
                line.quantity,
                line.reserved,
                line.committed,
            )
            for line in lines
        ],
    )


def _page(reservation: Reservation) -> str:
    return reverse("admin:inventory_reservation_change", args=[reservation.pk])
