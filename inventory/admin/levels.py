"""The main screen of the warehouse: the levels, and the pages that change them."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import SafeString

from inventory import services
from inventory.admin.forms import AdjustmentForm, CountForm, ReceiptForm
from inventory.admin.quantities import RED, before_and_after, last_movements
from inventory.admin.reservations import reservations_of
from inventory.models import Reason, Reservation, StockLevel, StockLevelQuerySet, StockMovement
from pms_backend.api.admin_tables import KEY, NUMBER, TABLES, TEXT, Table
from pms_backend.api.service_admin import RefusalsAsFormErrors, ServiceAdmin, moment
from pms_backend.api.typed_unfold import action, display
from products.models import Variant
from products.skus import as_sku_key

LIST: Final = "admin:inventory_stocklevel_changelist"
STATE_LABELS: Final = {"Oversold": "danger", "Reorder": "warning"}
BUTTON: Final = (
    "inline-flex items-center px-2 py-1 border border-base-200 rounded-default"
    " hover:text-primary-600 dark:border-base-700 dark:hover:text-primary-500"
)
BUTTONS: Final = (
    '<span class="flex gap-2"><a class="{0}" href="{1}?{3}">Adjust</a><a class="{0}" href="{2}?{3}">Count</a></span>'
)


class AttentionFilter(admin.SimpleListFilter):
    """Levels that are low or oversold."""

    title = "attention"
    parameter_name = "attention"
    wanted: Final[dict[str, Callable[[StockLevelQuerySet], StockLevelQuerySet]]] = {
        "below_reorder_point": StockLevelQuerySet.below_reorder_point,
        "oversold": StockLevelQuerySet.oversold,
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Below the reorder point, or oversold."""
        return [(name, name.replace("_", " ").capitalize()) for name in self.wanted]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The levels of the chosen type."""
        choose = self.wanted.get(self.value() or "")
        return choose(queryset) if choose else queryset


@admin.register(StockLevel)
class StockLevelAdmin(ServiceAdmin):
    """Stock levels: quantities change by adjustments and counts, only the limits are edited."""

    list_display = (
        *("sku", "location", "on_hand", "reserved", "available_units", "reorder_at", "state"),
        "updated",
    )
    list_filter = (AttentionFilter, "location")
    list_select_related = ("variant__product", "location")
    search_fields = ("variant__sku", "variant__product__name", "variant__barcode")
    search_help_text = "SKU, barcode or product name"
    ordering = ("variant__sku_key", "location__priority")
    fields = (("reorder_point", "backorder_limit"),)
    actions = ("adjust_selected",)
    actions_list = ("receive",)
    actions_detail = ("adjust", "count")
    change_form_outer_before_template = "inventory/level_figures.html"
    change_form_outer_after_template = TABLES

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Receiving and counting create levels."""
        return False

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Adds buttons for users who may change levels."""
        columns: list[Any] = [*super().get_list_display(request)]
        return [*columns, _buttons(request.get_full_path())] if self.has_change_permission(request) else columns

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Finds only the level of an existing SKU or barcode; searches for any other text."""
        exact = Variant.objects.filter(Q(sku_key=as_sku_key(search_term) or "") | Q(barcode=search_term.strip()))
        if search_term.strip() and (variants := list(exact.values_list("pk", flat=True)[: self.list_per_page])):
            return queryset.filter(variant_id__in=variants), False
        return super().get_search_results(request, queryset, search_term)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows the quantities above, and below the reservations and movements, if the user may view them."""
        level: StockLevel = context["original"]
        admin_of = self.admin_site.get_model_admin
        tables = []
        if admin_of(Reservation).has_view_permission(request):
            held = reservations_of(level)
            tables += [held] if held.rows else []
        if admin_of(StockMovement).has_view_permission(request):
            tables.append(last_movements(level))
        context = {**context, "level": level, "tables": tables}
        return super().render_change_form(request, context, *args, **kwargs)

    def write(self, request: HttpRequest, obj: StockLevel, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Writes the limits."""
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        if values:
            services.update_level(sku=obj.variant.sku, location=obj.location.code, values=values)

    @action(description="Adjust stock", url_path="adjust", permissions=["change"], icon="exposure")
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Adds units to the stock on hand, or takes them away."""
        level: StockLevel = self.get_or_404(request, object_id)
        form = AdjustmentForm(request.POST or None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                change = services.adjust_stock(sku=level.variant.sku, location=level.location.code, **form.cleaned_data)
                return self._changed(request, level, change)
        return self._level_page(request, level, form, title=f"Adjust {level.variant}", button="Adjust stock")

    @action(description="Count", url_path="count", permissions=["change"], icon="checklist")
    def count(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sets the stock on hand to a count."""
        level: StockLevel = self.get_or_404(request, object_id)
        form = CountForm(request.POST or None, initial={"expected_on_hand": level.on_hand})
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                change = services.count_stock(sku=level.variant.sku, location=level.location.code, **form.cleaned_data)
                return self._changed(request, level, change)
            form.expect_current(level)
        return self._level_page(request, level, form, title=f"Count {level.variant}", button="Save count")

    @action(
        description="Receive or count a SKU…",
        url_path="receive",
        permissions=["change"],
        icon="add_box",
        variant="primary",
    )
    def receive(self, request: HttpRequest) -> HttpResponse:
        """Receives or counts a SKU; creates its level at the location if there is none."""
        form = ReceiptForm(request.POST or None, initial=request.GET.dict())
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                change = _receive(form.cleaned_data)
                messages.success(request, before_and_after(change, form.cleaned_data["location"].name))
                # The next parcel usually goes to the same location.
                same = urlencode({name: form.data[name] for name in ("location", "kind")})
                return HttpResponseRedirect(f"{request.path}?{same}")
        return self.form_page(request, form, title="Receive or count a SKU", button="Save and next", back=reverse(LIST))

    @action(description="Adjust stock by the same units", permissions=["change"])
    def adjust_selected(self, request: HttpRequest, queryset: QuerySet[StockLevel]) -> HttpResponse | None:
        """Asks for one change, and applies it to all selected levels or none."""
        levels = list(queryset.select_related("variant__product", "location"))
        form = AdjustmentForm(request.POST if "apply" in request.POST else None)
        if form.is_valid():
            with RefusalsAsFormErrors(form):
                services.adjust_stock_in_bulk(rows=_rows(levels, form.cleaned_data), atomic=True)
                messages.success(request, f"{len(levels)} levels changed by {form.cleaned_data['delta']:+,}.")
                return None
        return self.form_page(
            request,
            form,
            title="Adjust the selected levels",
            button=f"Adjust {len(levels)} {'level' if len(levels) == 1 else 'levels'}",
            panel="service_admin/table.html",
            table=_table_of(levels),
            hidden=[
                ("apply", "1"),
                ("action", "adjust_selected"),
                *((ACTION_CHECKBOX_NAME, level.pk) for level in levels),
            ],
            back=request.get_full_path(),
        )

    @display(description="SKU and product", ordering="variant__sku_key")
    def sku(self, level: StockLevel) -> SafeString:
        """The SKU and the product, in two lines."""
        lines = '<span class="block whitespace-nowrap">{}</span><span class="block text-subtle">{}</span>'
        return format_html(lines, level.variant.sku, level.variant.product.name)

    @display(description="Available")
    def available_units(self, level: StockLevel) -> SafeString:
        """The available units, red below 1."""
        colour = RED if level.available <= 0 else "text-important"
        return format_html('<span class="font-semibold {}">{}</span>', colour, level.available)

    @display(description="Reorder at", ordering="reorder_point")
    def reorder_at(self, level: StockLevel) -> int | None:
        """The reorder point."""
        return level.reorder_point

    @display(description="State", label=STATE_LABELS)
    def state(self, level: StockLevel) -> str | None:
        """A badge, where something is to be done."""
        if level.is_oversold:
            return "Oversold"
        return "Reorder" if level.is_below_reorder_point else None

    @display(description="Updated", ordering="updated_at")
    def updated(self, level: StockLevel) -> SafeString:
        """The moment of the last change."""
        return moment(level.updated_at)

    def _level_page(self, request: HttpRequest, level: StockLevel, form: Any, **more: Any) -> HttpResponse:
        shown = {"level": level, "original": level, "back": _return_url(request, level), **more}
        return self.form_page(request, form, panel="inventory/level_figures.html", **shown)

    def _changed(self, request: HttpRequest, level: StockLevel, change: services.StockChange) -> HttpResponse:
        messages.success(request, before_and_after(change, level.location.name))
        return HttpResponseRedirect(_return_url(request, level))


def _buttons(here: str) -> Callable[[StockLevel], SafeString]:
    query = QueryDict(mutable=True)
    query["next"] = here

    @display(description="Change")
    def buttons(level: StockLevel) -> SafeString:
        addresses = [reverse(f"admin:inventory_stocklevel_{name}", args=[level.pk]) for name in ("adjust", "count")]
        return format_html(BUTTONS, BUTTON, *addresses, query.urlencode())

    return buttons


def _return_url(request: HttpRequest, level: StockLevel) -> str:
    """The list that the page was opened from, else the level's page."""
    url = request.GET.get("next", "")
    if url_has_allowed_host_and_scheme(url, allowed_hosts=None):
        return url
    return reverse("admin:inventory_stocklevel_change", args=[level.pk])


def _table_of(levels: list[StockLevel]) -> Table:
    return Table(
        columns={"SKU": KEY, "Product": TEXT, "Location": TEXT, "On hand": NUMBER, "Available": NUMBER},
        rows=[
            (level.variant.sku, level.variant.product.name, level.location.name, level.on_hand, level.available)
            for level in levels
        ],
    )


def _receive(values: dict[str, Any]) -> services.StockChange:
    where = {"sku": values["sku"], "location": values["location"].code, "note": values["note"]}
    if values["kind"] == Reason.COUNT:
        return services.count_stock(on_hand=values["quantity"], **where)
    return services.adjust_stock(
        delta=values["quantity"], reason=Reason.RECEIPT, reference=values["reference"], **where
    )


def _rows(levels: list[StockLevel], values: dict[str, Any]) -> list[services.Adjustment]:
    return [
        services.Adjustment(index=index, sku=level.variant.sku, location=level.location.code, **values)
        for index, level in enumerate(levels)
    ]
