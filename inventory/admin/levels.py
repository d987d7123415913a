"""The main screen of the warehouse: the levels, and the pages that change them."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from inventory import services
from inventory.admin.bulk import BulkPage
from inventory.admin.forms import AdjustmentForm
from inventory.admin.jobs import Job, jobs_of
from inventory.admin.level_history import history_of
from inventory.admin.live import SCRIPT, STYLE, live_stock
from inventory.admin.quantities import RED, signed
from inventory.admin.reservations import reservations_of
from inventory.admin.scan_desk import ScanDesk, scan_url
from inventory.item_codes import skus_by_code
from inventory.models import Reservation, StockLevel, StockLevelQuerySet, StockMovement
from pms_backend.access.history_pages import HistoryPages
from pms_backend.api.admin_tables import (
    ACTIONS,
    EXTRA,
    EXTRA_NUMBER,
    KEY,
    MAIN_NUMBER,
    NAME,
    NUMBER,
    PICTURE,
    TEXT,
    Table,
)
from pms_backend.api.service_admin import RefusalsAsFormErrors, moment
from pms_backend.api.typed_unfold import action, display
from products.admin.label_pages import LabelPages
from products.admin.thumbnails import thumbnail, with_picture
from products.labels import Label, label_of_variant
from products.skus import sku_key

STATE_LABELS: Final = {"oversold": "danger", "low": "warning"}
BUTTON: Final = (
    "inline-flex items-center px-2 py-1 border border-base-200 rounded-default"
    " hover:text-primary-600 dark:border-base-700 dark:hover:text-primary-500"
)


class AttentionFilter(admin.SimpleListFilter):
    """Levels that are low or oversold."""

    title = gettext_lazy("attention")
    parameter_name = "attention"
    wanted: Final[dict[str, tuple[Any, Callable[[StockLevelQuerySet], StockLevelQuerySet]]]] = {
        "below_reorder_point": (gettext_lazy("Below reorder point"), StockLevelQuerySet.below_reorder_point),
        "oversold": (gettext_lazy("Oversold"), StockLevelQuerySet.oversold),
        "in_need": (gettext_lazy("Either of both"), StockLevelQuerySet.in_need),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Below the reorder point, or oversold."""
        return [(name, title) for name, (title, _choose) in self.wanted.items()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The levels of the chosen type."""
        choose = self.wanted.get(self.value() or "", (None, None))[1]
        return choose(queryset) if choose else queryset


@admin.register(StockLevel)
class StockLevelAdmin(HistoryPages, BulkPage, LabelPages, ScanDesk):
    """Stock levels: quantities change by adjustments and counts, only the limits are edited."""

    history_kind = "level"
    list_display = (
        *("image", "sku", "location", "on_hand", "reserved", "available_units", "reorder_at", "state"),
        "updated",
    )
    list_display_links = ("sku",)
    column_kinds: ClassVar = {
        "image": PICTURE,
        "sku": NAME,
        "on_hand": NUMBER,
        "reserved": EXTRA_NUMBER,
        "available_units": MAIN_NUMBER,
        "reorder_at": EXTRA_NUMBER,
        "updated": EXTRA,
        "buttons": ACTIONS,
    }
    list_filter = (AttentionFilter, "location")
    list_select_related = ("variant__product", "location")
    search_fields = ("variant__sku", "variant__product__name", "variant__barcode")
    search_help_text = gettext_lazy("SKU, barcode or product name")
    empty_text = gettext_lazy("Scan an item in the box above to receive it: that adds it here.")
    ordering = ("variant__sku_key", "location__priority")
    fields = (("reorder_point", "backorder_limit"),)
    actions = ("adjust_selected", "print_labels")
    actions_list = ("scan", "bulk")
    actions_detail = ("labels",)
    change_form_outer_before_template = "inventory/level_figures.html"
    change_form_outer_after_template = "inventory/level_history.html"

    class Media:
        """Keeps the page of a level live."""

        css: ClassVar = {"all": (STYLE,)}
        js = (SCRIPT,)

    def labels_of(self, rows: QuerySet[Any]) -> list[Label]:
        """One for each level, with its location."""
        levels = rows.select_related("variant__product", "location")
        return [label_of_variant(level.variant, place=level.location.name) for level in levels]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Receiving and counting create levels."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockLevel]:
        """Levels with the pictures of their products."""
        return with_picture(super().get_queryset(request), product="variant__product")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Adds buttons for users who may change levels."""
        columns: list[Any] = [*super().get_list_display(request)]
        return [*columns, "buttons"] if self.has_change_permission(request) else columns

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Finds only the level of an existing SKU or barcode; searches for any other text."""
        if skus := skus_by_code([search_term])[search_term]:
            return queryset.filter(variant__sku_key__in=[sku_key(sku) for sku in skus]), False
        return super().get_search_results(request, queryset, search_term)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page, which changes as the level does."""
        # Before the level is read.
        live = live_stock(request)
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "live": live})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the quantities above, and below the reservations and movements, if the user may view them."""
        level: StockLevel = context["original"]
        admin_of = self.admin_site.get_model_admin
        tables = []
        if admin_of(Reservation).has_view_permission(request):
            held = reservations_of(level)
            tables += [held] if held.rows else []
        history = None
        if admin_of(StockMovement).has_view_permission(request):
            history = history_of(level, request.user)
            tables.append(history.table)
        jobs = _links_to_jobs(level, jobs_of(request.user)) if level.location.is_active else []
        context = {**context, "level": level, "tables": tables, "history": history, "jobs": jobs}
        return super().render_change_form(request, context, *args, **kwargs)

    def write(self, request: HttpRequest, obj: StockLevel, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Writes the limits."""
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        if values:
            services.update_level(sku=obj.variant.sku, location=obj.location.code, values=values)

    @action(description=gettext_lazy("Adjust stock by the same units"), permissions=["change"])
    def adjust_selected(self, request: HttpRequest, queryset: QuerySet[StockLevel]) -> HttpResponse | None:
        """Asks for one change, and applies it to all selected levels or none."""
        levels = list(queryset.select_related("variant__product", "location"))
        form = AdjustmentForm(request.POST if "apply" in request.POST else None, levels=levels)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                change = form.adjustment()
                services.adjust_stock_in_bulk(rows=_rows(levels, change), atomic=True)
                count = len(levels)
                done = ngettext(
                    "%(count)s level changed by %(delta)s.", "%(count)s levels changed by %(delta)s.", count
                )
                messages.success(request, done % {"count": count, "delta": signed(change["delta"])})
                return None
        return self.form_page(
            request,
            form,
            title=_("Adjust the selected levels"),
            button=ngettext("Adjust %(count)s level", "Adjust %(count)s levels", len(levels)) % {"count": len(levels)},
            panel="service_admin/table.html",
            table=_table_of(levels),
            hidden=[
                ("apply", "1"),
                ("action", "adjust_selected"),
                *((ACTION_CHECKBOX_NAME, level.pk) for level in levels),
            ],
            back=request.get_full_path(),
        )

    @display(description=gettext_lazy("Change"))
    def buttons(self, level: StockLevel) -> SafeString:
        """Links to the scan desk, with this level and a job chosen."""
        urls = _links_to_jobs(level, (Job.RECEIVE, Job.COUNT))
        links = format_html_join("", '<a class="{}" href="{}">{}</a>', ((BUTTON, *one) for one in urls))
        return format_html('<span class="flex gap-2">{}</span>', links)

    @display(description=gettext_lazy("Picture"))
    def image(self, level: Any) -> SafeString:
        """The main picture of the product."""
        return thumbnail(level.picture)

    @display(description=gettext_lazy("SKU and product"), ordering="variant__sku_key")
    def sku(self, level: StockLevel) -> SafeString:
        """The SKU and the product, in two lines."""
        lines = '<span class="block whitespace-nowrap">{}</span><span class="block text-subtle">{}</span>'
        return format_html(lines, level.variant.sku, level.variant.product.name)

    @display(description=gettext_lazy("Available"))
    def available_units(self, level: StockLevel) -> SafeString:
        """The available units, red below 1."""
        colour = RED if level.available <= 0 else "text-important"
        return format_html('<span class="font-semibold {}">{}</span>', colour, number_format(level.available))

    @display(description=gettext_lazy("Reorder at"), ordering="reorder_point")
    def reorder_at(self, level: StockLevel) -> int | None:
        """The reorder point."""
        return level.reorder_point

    @display(description=gettext_lazy("State"), label=STATE_LABELS)
    def state(self, level: StockLevel) -> tuple[str, str] | None:
        """A badge, where something is to be done."""
        if level.is_oversold:
            return "oversold", _("Oversold")
        return ("low", _("Reorder")) if level.is_below_reorder_point else None

    @display(description=gettext_lazy("Updated"), ordering="updated_at")
    def updated(self, level: StockLevel) -> SafeString:
        """The moment of the last change."""
        return moment(level.updated_at)


def _links_to_jobs(level: StockLevel, jobs: Iterable[Job]) -> list[tuple[str, Any]]:
    """For each job the address and the label of a link to the scan desk."""
    where = {"q": level.variant.sku, "location": level.location.code}
    return [(scan_url(do=job.value, **where), job.label) for job in jobs]


def _table_of(levels: list[StockLevel]) -> Table:
    return Table(
        columns={
            _("SKU"): KEY,
            _("Product"): TEXT,
            _("Location"): TEXT,
            _("On hand"): NUMBER,
            _("Available"): NUMBER,
        },
        rows=[
            (level.variant.sku, level.variant.product.name, level.location.name, level.on_hand, level.available)
            for level in levels
        ],
    )


def _rows(levels: list[StockLevel], values: dict[str, Any]) -> list[services.Adjustment]:
    return [
        services.Adjustment(index=index, sku=level.variant.sku, location=level.location.code, **values)
        for index, level in enumerate(levels)
    ]
