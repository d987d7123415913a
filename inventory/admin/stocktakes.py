"""Count sheets for the warehouse: created for a location, filled in, posted."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from inventory import services
from inventory.admin.line_forms import LINES_PAGE, CountsForm
from inventory.admin.quantities import coloured_delta
from inventory.models import Location, Stocktake, StocktakeLine, StocktakeStatus
from inventory.queries import summary_of, with_variance
from pms_backend.api.admin_tables import KEY, MAIN_NUMBER, NUMBER, SHORT, TABLES, TEXT, Table
from pms_backend.api.service_admin import ReadOnlyAdmin, RefusalsAsFormErrors, ServiceForm, moment
from pms_backend.api.typed_unfold import action, display
from products.admin.sku_search import SkuSearch

STATUS_LABELS: Final = {
    StocktakeStatus.OPEN.label: "info",
    StocktakeStatus.POSTED.label: "success",
    StocktakeStatus.CANCELLED.label: "default",
}
# The lines of a page to fill in, between two saves.
LINES_TO_COUNT: Final = 50
# The API shows the rest of a longer sheet.
SHOWN_LINES: Final = 500


class StocktakeForm(ServiceForm):
    """The location and the SKUs of a new sheet."""

    skus = forms.CharField(
        label="SKUs",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text="One a line; without any the sheet has all that the location has levels of.",
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if "location" in self.fields:
            self.fields["location"].queryset = Location.objects.filter(is_active=True)  # type: ignore[attr-defined]

    def clean_skus(self) -> list[str]:
        """The SKUs, one a line."""
        return [line.strip() for line in self.cleaned_data["skus"].splitlines() if line.strip()]


class ReadyFilter(admin.SimpleListFilter):
    """Open sheets of which all lines are counted."""

    title = gettext_lazy("what is to be done")
    parameter_name = "ready"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Ready to post."""
        return [("1", gettext_lazy("Ready to post"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The sheets that somebody may post now."""
        return queryset.filter(pk__in=Stocktake.objects.ready_to_post().values("pk")) if self.value() else queryset


@admin.register(Stocktake)
class StocktakeAdmin(SkuSearch, ReadOnlyAdmin):
    """Count sheets. Counts change no stock before the sheet is posted."""

    form = StocktakeForm
    list_display = ("number", "location", "status_label", "note", "lines", "counted", "created", "closed")
    list_filter = (ReadyFilter, "status", "location")
    list_select_related = ("location",)
    search_fields = ("note", "lines__variant__sku")
    sku_key_path = "lines__variant__sku_key"
    search_help_text = "Note or SKU"
    ordering = ("-id",)
    add_fieldsets = ((None, {"fields": ("location", "note", "skus")}),)
    fields = (("location", "status_label"), "note", ("created_at", "closed_at"))
    actions = None
    actions_detail = ("count", "post_counts", "cancel")
    change_form_outer_before_template = "inventory/stocktake_figures.html"
    change_form_outer_after_template = TABLES

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the user may create stocktakes."""
        return request.user.has_perm("inventory.add_stocktake")

    def has_count_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Whether the user may change stocktakes."""
        return request.user.has_perm("inventory.change_stocktake")

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
            context = {**context, "summary": summary, "tables": [_lines_of(stocktake, summary["lines"])]}
        return super().render_change_form(request, context, *args, **kwargs)

    def write(self, request: HttpRequest, obj: Stocktake, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Creates the sheet."""
        values = form.cleaned_data
        created = services.create_stocktake(
            location=values["location"].code, skus=values["skus"] or None, note=values["note"]
        )
        obj.pk, obj.created_at = created.pk, created.created_at

    def response_add(self, request: HttpRequest, obj: Stocktake, post_url_continue: Any = None) -> HttpResponse:
        """Opens the page for counting."""
        return HttpResponseRedirect(_page(obj, "count"))

    @action(description="Count", url_path="count", permissions=["count"], icon="checklist", variant="primary")
    def count(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows the lines to count, or with `all` every line, some at a time."""
        stocktake: Stocktake = self.get_or_404(request, object_id)
        lines = _lines_to_count(request, stocktake)
        form = CountsForm(request.POST or None, lines=lines)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                counts = form.counts()
                if counts:
                    services.record_counts(stocktake_id=stocktake.pk, counts=counts)
                messages.success(request, f"{len(counts)} {'count' if len(counts) == 1 else 'counts'} entered.")
                return HttpResponseRedirect(request.get_full_path())
        shown = {"original": stocktake, "back": _page(stocktake), "button": "Save and go on", "is_count": True}
        more = {
            "left": stocktake.lines.filter(counted=None).count(),
            "shows_all": "all" in request.GET,
            "last": lines[-1].pk if len(lines) == LINES_TO_COUNT else None,
        }
        page = self.form_page(request, form, title=f"Count {stocktake.location}", **shown, **more)
        page.template_name = LINES_PAGE
        return page

    @action(description="Post", url_path="post", permissions=["count"], icon="task_alt")
    def post_counts(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first, with the changes that it will make."""
        stocktake: Stocktake = self.get_or_404(request, object_id)
        summary = summary_of(stocktake)
        note = (
            f"{summary['counted']} of {summary['lines']} lines were counted, {summary['differing']} differ: "
            f"{summary['units_over']} units more and {summary['units_short']} fewer than were known. What moved since "
            "a count stays on top of it; what was not counted stays as it is."
        )
        return self._confirmed(request, stocktake, services.post_stocktake, "Post", "posted", note)

    @action(description="Cancel stocktake", url_path="cancel", permissions=["count"], icon="block")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for confirmation first."""
        stocktake: Stocktake = self.get_or_404(request, object_id)
        note = "What was counted is kept, and changes no stock."
        return self._confirmed(request, stocktake, services.cancel_stocktake, "Cancel", "cancelled", note)

    @display(description="Stocktake", ordering="id")
    def number(self, stocktake: Stocktake) -> str:
        """Its name."""
        return _name(stocktake).capitalize()

    @display(description="Status", ordering="status", label=STATUS_LABELS)
    def status_label(self, stocktake: Stocktake) -> str:
        """The status, as a badge."""
        return stocktake.get_status_display()

    @display(description="Lines")
    def lines(self, stocktake: Any) -> Any:
        """The number of lines."""
        return stocktake.lines_count or 0

    @display(description="Counted")
    def counted(self, stocktake: Any) -> Any:
        """The number of counted lines."""
        return stocktake.counted_count or 0

    @display(description="Created", ordering="created_at")
    def created(self, stocktake: Stocktake) -> SafeString:
        """The moment of its creation."""
        return moment(stocktake.created_at)

    @display(description="Closed", ordering="closed_at")
    def closed(self, stocktake: Stocktake) -> SafeString:
        """The moment when it was posted or cancelled."""
        return moment(stocktake.closed_at)

    def _confirmed(
        self, request: HttpRequest, stocktake: Stocktake, service: Callable[..., Any], verb: str, done: str, note: str
    ) -> HttpResponse:
        return self.confirmed(
            request,
            partial(service, stocktake_id=stocktake.pk),
            success=f"{_name(stocktake).capitalize()} is {done}.",
            back=_page(stocktake),
            title=f"{verb} {_name(stocktake)}",
            note=note,
            button=f"{verb} stocktake",
            original=stocktake,
        )


def _lines_to_count(request: HttpRequest, stocktake: Stocktake) -> list[StocktakeLine]:
    """The lines of the sent form; else the first without a count, or with `all` those after that line."""
    lines = stocktake.lines.select_related("variant__product").order_by("pk")
    if request.method == "POST":
        sent = [name.removeprefix("line_") for name in request.POST if name.startswith("line_")]
        return list(lines.filter(pk__in=[pk for pk in sent if pk.isascii() and pk.isdigit()][: 2 * LINES_TO_COUNT]))
    after = request.GET.get("all")
    if after is None:
        lines = lines.filter(counted=None)
    elif after.isascii() and after.isdigit():
        lines = lines.filter(pk__gt=after)
    return list(lines[:LINES_TO_COUNT])


def _lines_of(stocktake: Stocktake, count: int) -> Table:
    lines: Any = with_variance(stocktake.lines.select_related("variant__product")).order_by("pk")
    return Table(
        title="Lines",
        columns={
            "SKU": KEY,
            "Product": TEXT,
            "Expected": NUMBER,
            "Counted": MAIN_NUMBER,
            "When": SHORT,
            "Variance": NUMBER,
        },
        rows=[
            (
                line.variant.sku,
                line.variant.product.name,
                line.expected,
                line.counted,
                moment(line.counted_at),
                coloured_delta(line.variance) if line.variance else line.variance,
            )
            for line in lines[:SHOWN_LINES]
        ],
        empty="Nothing is expected here; a SKU that is found is added when it is counted.",
        note=f"The first {SHOWN_LINES} of {count} lines." if count > SHOWN_LINES else "",
    )


def _name(stocktake: Stocktake) -> str:
    return f"stocktake {stocktake.pk}"


def _page(stocktake: Stocktake, name: str = "change") -> str:
    return reverse(f"admin:inventory_stocktake_{name}", args=[stocktake.pk])
