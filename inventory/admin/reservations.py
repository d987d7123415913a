"""Reservations. Staff release those that hold stock too long, and commit those that were sold elsewhere."""

from functools import partial
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inventory import services
from inventory.models import Reservation, ReservationLine, ReservationStatus, StockLevel
from inventory.references import reference_begins
from pms_backend.api.admin_tables import EXTRA, MAIN_NUMBER, NAME, NUMBER, SHORT, TABLES, TEXT, Table, link
from pms_backend.api.exceptions import DomainError
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import action, display

STATUS_LABELS: Final[dict[str, str]] = {
    ReservationStatus.ACTIVE: "info",
    ReservationStatus.COMMITTED: "success",
    ReservationStatus.RELEASED: "warning",
    ReservationStatus.EXPIRED: "warning",
}
MAX_HELD_SHOWN: Final = 50


class StatusFilter(admin.SimpleListFilter):
    """Filters by the status that the list shows."""

    title = gettext_lazy("status")
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
    column_kinds: ClassVar = {
        "reference": NAME,
        "units_held": MAIN_NUMBER,
        "units_sold": NUMBER,
        "client": EXTRA,
        "made": EXTRA,
    }
    list_filter = (StatusFilter,)
    search_fields = ("reference",)
    search_help_text = gettext_lazy("The reference, or its beginning")
    empty_text = gettext_lazy("Shops and other programs reserve stock through the API.")
    ordering = ("-id",)
    sortable_by = ()
    fields = (("reference", "status"), ("client", "expires_at"), ("created_at", "updated_at"))
    actions = ("release_selected",)
    actions_detail = ("release", "commit")
    change_form_outer_after_template = TABLES

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reservation]:
        """Adds the units that each holds and has sold."""
        reservations = Reservation.objects.as_of_now().prefetch_related(None)
        return reservations.annotate(held_units=_sum_of("reserved"), sold_units=_sum_of("committed"))

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Finds a reference, or its beginning, by its index."""
        term = search_term.strip()
        return (queryset.filter(reference_begins(term)) if term else queryset), False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the lines below."""
        context = {**context, "tables": [_lines_of(context["original"])]}
        return super().render_change_form(request, context, *args, **kwargs)

    def has_end_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change reservations."""
        return request.user.has_perm("inventory.change_reservation")

    @action(description=gettext_lazy("Release"), url_path="release", permissions=["end"], icon="undo")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        reservation: Reservation = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.release_reservation, reservation_id=reservation.pk, client=None),
            success=_("%(reservation)s is released.") % {"reservation": reservation},
            title=_("Release %(reservation)s") % {"reservation": reservation},
            note=_("What it holds still becomes available to everybody."),
            button=_("Release"),
            original=reservation,
            back=_page(reservation),
        )

    @action(description=gettext_lazy("Commit"), url_path="commit", permissions=["end"], icon="sell")
    def commit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        reservation: Reservation = self.get_or_404(request, object_id)
        return self.confirmed(
            request,
            partial(services.commit_reservation, reservation_id=reservation.pk, client=None),
            success=_("%(reservation)s is committed.") % {"reservation": reservation},
            title=_("Commit %(reservation)s") % {"reservation": reservation},
            note=_("What it holds still is sold: it leaves the stock."),
            button=_("Commit"),
            original=reservation,
            back=_page(reservation),
        )

    @action(description=gettext_lazy("Release"), permissions=["end"])
    def release_selected(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> None:
        """Releases the active ones among them."""
        count = 0
        for reservation in queryset:
            try:
                services.release_reservation(reservation_id=reservation.pk, client=None)
                count += 1
            except DomainError as error:
                refused = _("%(reservation)s is not released: %(reason)s")
                messages.warning(request, refused % {"reservation": reservation, "reason": error.detail})
        if count:
            done = ngettext("%(count)d reservation is released.", "%(count)d reservations are released.", count)
            messages.success(request, done % {"count": count})

    @display(description=gettext_lazy("Status"), label=STATUS_LABELS)
    def status_label(self, reservation: Reservation) -> tuple[str, str]:
        """The status, as a badge."""
        return reservation.shown_status, str(ReservationStatus(reservation.shown_status).label)

    @display(description=gettext_lazy("Reserved"))
    def units_held(self, reservation: Any) -> int:
        """The units held, over all lines."""
        return reservation.held_units or 0

    @display(description=gettext_lazy("Sold"))
    def units_sold(self, reservation: Any) -> int:
        """The units sold, over all lines."""
        return reservation.sold_units or 0

    @display(description=gettext_lazy("Until"))
    def expires(self, reservation: Reservation) -> SafeString:
        """The moment when it expires."""
        return moment(reservation.expires_at)

    @display(description=gettext_lazy("Made"))
    def made(self, reservation: Reservation) -> SafeString:
        """The moment of its creation."""
        return moment(reservation.created_at)


def _sum_of(field: str) -> Subquery:
    # Not a join, which would add up all reservations for one page.
    lines = ReservationLine.objects.filter(reservation=OuterRef("pk")).order_by().values("reservation")
    return Subquery(lines.annotate(sum=Sum(field)).values("sum"))


def reservations_of(level: StockLevel) -> Table:
    """The reservations that hold units of a level; those that end first."""
    lines = ReservationLine.objects.filter(level=level, reserved__gt=0).select_related("reservation")
    return Table(
        title=_("Reserved for"),
        columns={_("Reference"): TEXT, _("Client"): TEXT, _("Units"): MAIN_NUMBER, _("Until"): SHORT},
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
        title=_("Lines"),
        columns={
            _("SKU"): TEXT,
            _("Location"): TEXT,
            _("Asked for"): NUMBER,
            _("Reserved"): MAIN_NUMBER,
            _("Sold"): NUMBER,
        },
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
