"""The stock that the PMS last reported, compared with ours, and the ids of its variants."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.paginator import InfinitePaginator

from inventory.admin.quantities import signed
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, KEY, MAIN_NUMBER, NAME, NUMBER
from pms_backend.api.service_admin import ReadOnlyAdmin, moment
from pms_backend.api.typed_unfold import display
from pms_integration.models import PMSStock, PMSVariant
from pms_integration.queries import AGREEING, DIFFERING, with_comparison
from products.admin.sku_search import SkuSearch


class DiffersFilter(admin.SimpleListFilter):
    """Filters by whether the quantities differ."""

    title = gettext_lazy("difference")
    parameter_name = "differs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Different or equal."""
        return [("1", _("Figures differ")), ("0", _("Figures agree"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The levels with the chosen difference; where we have no level, there is none."""
        chosen = {"1": DIFFERING, "0": AGREEING}.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


@admin.register(PMSStock)
class PMSStockAdmin(SkuSearch, ReadOnlyAdmin):
    """The stock that the PMS last reported, and ours."""

    list_display = ("sku", "location", "connection", "theirs", "ours", "unacknowledged", "difference_label", "reported")
    column_kinds: ClassVar = {
        "sku": KEY,
        "connection": EXTRA,
        "theirs": NUMBER,
        "ours": NUMBER,
        "unacknowledged": EXTRA_NUMBER,
        "difference_label": MAIN_NUMBER,
        "reported": EXTRA,
    }
    empty_text = gettext_lazy("No PMS has reported stock yet.")
    list_filter = (DiffersFilter, "connection")
    list_select_related = ("variant", "location", "connection")
    search_fields = ("variant__sku",)
    sku_key_path = "variant__sku_key"
    search_help_text = gettext_lazy("SKU")
    show_full_result_count = False
    # The filter compares each row: it is read once, and not counted before.
    paginator = InfinitePaginator
    ordering = ("-reported_at",)
    fields = (
        *("connection", "variant", "location", "on_hand", "reported_at", "version", "webhook_id"),
        *("theirs", "ours", "unacknowledged", "difference_label", "rejected"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PMSStock]:
        """The figures beside ours."""
        return with_comparison(super().get_queryset(request))

    @display(description=gettext_lazy("SKU"), ordering="variant__sku_key")
    def sku(self, stock: PMSStock) -> str:
        """The SKU of the variant."""
        return stock.variant.sku

    @display(description=gettext_lazy("PMS on hand"))
    def theirs(self, stock: Any) -> int:
        """What the PMS has: its figure, its later changes, and ours that it has acknowledged since."""
        on_hand: int = stock.pms_on_hand
        return on_hand

    @display(description=gettext_lazy("Our on hand"))
    def ours(self, stock: Any) -> int | None:
        """The quantity of our ledger; none where we have no level, which is not the same as 0."""
        on_hand: int | None = stock.our_on_hand
        return on_hand

    @display(description=gettext_lazy("Reported"), ordering="reported_at")
    def reported(self, stock: PMSStock) -> SafeString:
        """The moment of the reported quantity."""
        return moment(stock.reported_at)

    @display(description=gettext_lazy("Pending"))
    def unacknowledged(self, stock: Any) -> int:
        """Our changes that the PMS has not acknowledged yet."""
        pending: int = stock.pending
        return pending

    @display(description=gettext_lazy("Rejected"))
    def rejected(self, stock: Any) -> str:
        """Why the PMS has rejected our last push."""
        error: str = stock.error
        return error

    @display(description=gettext_lazy("Difference"))
    def difference_label(self, stock: Any) -> SafeString | None:
        """Ours minus the PMS's and what is pending; red unless it is 0."""
        if stock.difference is None:
            return None
        colour = "font-semibold text-red-600 dark:text-red-500" if stock.difference else ""
        return format_html('<span class="{}">{}</span>', colour, signed(stock.difference) if stock.difference else "0")


@admin.register(PMSVariant)
class PMSVariantAdmin(SkuSearch, ReadOnlyAdmin):
    """The ids by which a PMS names our variants."""

    list_display = ("external_id", "variant", "connection", "other_ids")
    column_kinds: ClassVar = {
        "external_id": NAME,
        "other_ids": EXTRA,
        "connection": EXTRA,
    }
    empty_text = gettext_lazy("No PMS has reported variants yet.")
    list_filter = ("connection",)
    list_select_related = ("variant", "connection")
    search_fields = ("external_id", "variant__sku")
    sku_key_path = "variant__sku_key"
    search_help_text = gettext_lazy("The PMS's id, or our SKU")
    show_full_result_count = False
    fields = ("external_id", "other_ids", "variant", "connection")
