"""Count sheets for the warehouse: created for a location, counted, reviewed, posted."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import localize
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory import services
from inventory.admin.counting import CountingPage
from inventory.admin.stocktake_forms import StocktakeForm
from inventory.admin.stocktake_tables import differing_lines, lines_of, uncounted_lines
from inventory.models import Stocktake, StocktakeLine, StocktakeStatus
from inventory.queries import summary_of
from pms_backend.api.admin_tables import EXTRA, KEY, MAIN, TABLES
from pms_backend.api.service_admin import ReadOnlyAdmin, moment
from pms_backend.api.typed_unfold import action, display
from products.admin.sku_search import SkuSearch

READY: Final = gettext_lazy("Ready to post")
STATUS_LABELS: Final[dict[str, str]] = {
    StocktakeStatus.OPEN: "info",
    "ready": "warning",
    StocktakeStatus.POSTED: "success",
    StocktakeStatus.CANCELLED: "default",
}
POST: Final = "inventory.post_stocktake"


class ReadyFilter(admin.SimpleListFilter):
    """Open sheets of which all lines are counted."""

    title = gettext_lazy("what is to be done")
    parameter_name = "ready"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Ready to post."""
        return [("1", READY)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The sheets that somebody may post now."""
        return queryset.filter(pk__in=Stocktake.objects.ready_to_post().values("pk")) if self.value() else queryset


@admin.register(Stocktake)
class StocktakeAdmin(SkuSearch, ReadOnlyAdmin):
    """Count sheets. Counts change no stock before somebody who may post them has reviewed the sheet."""

    form = StocktakeForm
    list_display = ("number", "location", "status_label", "counted", "note", "created", "closed")
    column_kinds: ClassVar = {"number": KEY, "counted": MAIN, "note": EXTRA, "created": EXTRA, "closed": EXTRA}
    list_filter = (ReadyFilter, "status", "location")
    list_select_related = ("location",)
    search_fields = ("note", "lines__variant__sku")
    sku_key_path = "lines__variant__sku_key"
    search_help_text = gettext_lazy("Note or SKU")
    empty_text = gettext_lazy("A count sheet lists what lies at a location, to be counted there.")
    ordering = ("-id",)
    add_fieldsets = ((None, {"fields": ("location", "skus", "is_blind", "note")}),)
    # The name alone: a link would lead a counter to a page that only others may see.
    fields = (("location_name", "status"), "note", ("created_at", "closed_at"))
    actions = None
    actions_detail = ("count", "post_counts", "cancel")
    change_form_outer_before_template = "inventory/stocktake_figures.html"
    change_form_outer_after_template = TABLES

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the user may create sheets."""
        return request.user.has_perm("inventory.add_stocktake")

    def has_count_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may fill in sheets."""
        return request.user.has_perm("inventory.change_stocktake")

    def has_post_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may post and cancel sheets."""
        return request.user.has_perm(POST)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stocktake]:
        """Adds the numbers of lines and of counted lines."""
        stocktakes: QuerySet[Stocktake] = super().get_queryset(request)
        # Subqueries, because a search joins the lines too, and a second join would count them twice.
        lines = StocktakeLine.objects.filter(stocktake=OuterRef("pk")).order_by().values("stocktake")
        return stocktakes.annotate(
            lines_count=Subquery(lines.annotate(total=Count("pk")).values("total")),
            counted_count=Subquery(lines.annotate(total=Count("counted")).values("total")),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """The buttons of an open sheet."""
        is_open = Stocktake.objects.filter(pk=object_id, status=StocktakeStatus.OPEN).exists()
        buttons: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        return buttons if is_open else []

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the summary above, and the lines below."""
        stocktake: Stocktake | None = context["original"]
        if stocktake is not None:
            summary = summary_of(stocktake)
            shows_expected = not stocktake.is_blind or request.user.has_perm(POST)
            lines = lines_of(stocktake, summary["lines"], shows_expected=shows_expected)
            context = {**context, "summary": summary, "shows_expected": shows_expected, "tables": [lines]}
        return super().render_change_form(request, context, *args, **kwargs)

    def write(self, request: HttpRequest, obj: Stocktake, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Creates the sheet."""
        values = {**form.cleaned_data, "location": form.cleaned_data["location"].code}
        created = services.create_stocktake(**values | {"skus": values["skus"] or None})
        obj.pk, obj.created_at = created.pk, created.created_at

    def response_add(self, request: HttpRequest, obj: Stocktake, post_url_continue: Any = None) -> HttpResponse:
        """Opens the page for counting, or the sheet for those who do not count."""
        return HttpResponseRedirect(_page(obj, "count" if self.has_count_permission(request) else "change"))

    @action(
        description=gettext_lazy("Count"), url_path="count", permissions=["count"], icon="checklist", variant="primary"
    )
    def count(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page at the shelf."""
        stocktake: Stocktake = self.get_or_404(request, object_id)
        if stocktake.status != StocktakeStatus.OPEN:
            said = _("Count sheet %(number)s is closed: nothing more is counted.") % {"number": stocktake.pk}
            messages.warning(request, said)
            return HttpResponseRedirect(_page(stocktake))
        return CountingPage(request, stocktake).respond()

    @action(description=gettext_lazy("Review and post"), url_path="post", permissions=["post"], icon="task_alt")
    def post_counts(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows what posting changes and what it leaves, and posts once that is confirmed."""
        stocktake: Stocktake = self.get_or_404(request, object_id)
        summary = summary_of(stocktake)
        uncounted = summary["lines"] - summary["counted"]
        note = _(
            "%(counted)s of %(lines)s lines were counted, %(differing)s differ: %(units_over)s units more and "
            "%(units_short)s fewer than were known. What moved since a count stays on top of it; what was not counted "
            "stays as it is."
        )
        return self._confirmed(
            request,
            stocktake,
            services.post_stocktake,
            note=note % {name: localize(number) for name, number in summary.items()},
            title=_("Review and post count sheet %(number)s"),
            button=_("Post"),
            back_label=_("Back"),
            success=_("Count sheet %(number)s is posted: the stock is what was counted."),
            panel=TABLES,
            tables=[
                differing_lines(stocktake, summary["differing"]),
                *([uncounted_lines(stocktake, uncounted)] if uncounted else []),
            ],
        )

    @action(description=gettext_lazy("Cancel count sheet"), url_path="cancel", permissions=["post"], icon="block")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        return self._confirmed(
            request,
            self.get_or_404(request, object_id),
            services.cancel_stocktake,
            note=_("What was counted is kept, and changes no stock."),
            title=_("Cancel count sheet %(number)s"),
            button=_("Cancel count sheet"),
            back_label=_("Back"),
            success=_("Count sheet %(number)s is cancelled: no stock has changed."),
        )

    @display(description=gettext_lazy("Count sheet"), ordering="id")
    def number(self, stocktake: Stocktake) -> str:
        """Its name."""
        return _("Count sheet %(number)s") % {"number": stocktake.pk}

    @display(description=gettext_lazy("Status"), ordering="status", label=STATUS_LABELS)
    def status_label(self, stocktake: Any) -> tuple[str, Any]:
        """The status, as a badge."""
        is_open = stocktake.status == StocktakeStatus.OPEN
        is_ready = is_open and stocktake.lines_count and stocktake.counted_count == stocktake.lines_count
        return ("ready", READY) if is_ready else (stocktake.status, stocktake.get_status_display())

    @display(description=gettext_lazy("Location"))
    def location_name(self, stocktake: Stocktake) -> str:
        """Its name."""
        return stocktake.location.name

    @display(description=gettext_lazy("Counted"))
    def counted(self, stocktake: Any) -> str:
        """How many of the lines are counted."""
        values = {"counted": localize(stocktake.counted_count or 0), "lines": localize(stocktake.lines_count or 0)}
        return _("%(counted)s of %(lines)s counted") % values

    @display(description=gettext_lazy("Created"), ordering="created_at")
    def created(self, stocktake: Stocktake) -> SafeString:
        """The moment of its creation."""
        return moment(stocktake.created_at)

    @display(description=gettext_lazy("Closed"), ordering="closed_at")
    def closed(self, stocktake: Stocktake) -> SafeString:
        """The moment when it was posted or cancelled."""
        return moment(stocktake.closed_at)

    def _confirmed(
        self,
        request: HttpRequest,
        stocktake: Stocktake,
        service: Callable[..., Any],
        *,
        title: str,
        success: str,
        **page: Any,
    ) -> HttpResponse:
        """Calls the service once it is confirmed; `title` and `success` name its `number`."""
        named = {"number": stocktake.pk}
        return self.confirmed(
            request,
            partial(service, stocktake_id=stocktake.pk),
            success=success % named,
            back=_page(stocktake),
            title=title % named,
            original=stocktake,
            **page,
        )


def _page(stocktake: Stocktake, name: str = "change") -> str:
    return reverse(f"admin:inventory_stocktake_{name}", args=[stocktake.pk])
