"""The values that the PMS last reported, compared with ours."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from pms_backend.access.visibility import sees_cost
from pms_backend.api.service_admin import ReadOnlyAdmin, moment
from pms_backend.api.typed_unfold import display
from pms_integration.models import PMSProduct, PMSProductState, PMSStock
from products.admin.sku_search import SkuSearch

STATE_LABELS: Final = {
    PMSProductState.IN_SYNC.label: "success",
    PMSProductState.PENDING_PUSH.label: "info",
    PMSProductState.CONFLICT.label: "danger",
    PMSProductState.ERROR.label: "danger",
}


@admin.register(PMSProduct)
class PMSProductAdmin(ReadOnlyAdmin):
    """Products of the PMS and the products of ours that they are linked to."""

    list_display = ("external_id", "state_label", "product", "connection", "version", "is_deleted", "updated")
    list_filter = ("state", "connection", "is_deleted")
    list_select_related = ("product", "connection")
    search_fields = ("external_id", "product__name")
    search_help_text = "The PMS's id, or our product's name"
    show_full_result_count = False
    fields = (
        *("external_id", "connection", "product", "state_label", "reason", "version", "is_deleted", "updated_at"),
        "payload",
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The fields; the payload may contain costs and is shown only to users who may see these."""
        return [name for name in self.fields if name != "payload" or sees_cost(request)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Refuses filters on the payload, which could reveal its content."""
        return not lookup.startswith("payload") and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PMSProduct]:
        """The products without their payloads, which may be long."""
        products: QuerySet[PMSProduct] = super().get_queryset(request)
        return products.defer("payload", "product__description", "product__attributes", "product__options")

    @display(description="State", ordering="state", label=STATE_LABELS)
    def state_label(self, product: PMSProduct) -> str:
        """The state as a coloured label."""
        return product.get_state_display()

    @display(description="Updated", ordering="updated_at")
    def updated(self, product: PMSProduct) -> SafeString:
        """The time of the last change."""
        return moment(product.updated_at)


class DiffersFilter(admin.SimpleListFilter):
    """Filters by whether the two quantities differ."""

    title = "difference"
    parameter_name = "differs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Different or equal."""
        return [("1", "Figures differ"), ("0", "Figures agree")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The levels with the chosen difference."""
        agree = {"on_hand": F("level__on_hand")}
        if self.value() == "1":
            return queryset.exclude(**agree)
        return queryset.filter(**agree) if self.value() == "0" else queryset


@admin.register(PMSStock)
class PMSStockAdmin(SkuSearch, ReadOnlyAdmin):
    """The stock that the PMS last reported, and ours."""

    list_display = ("sku", "location", "connection", "pms_on_hand", "our_on_hand", "difference", "reported")
    list_filter = (DiffersFilter, "connection")
    list_select_related = ("level__variant", "level__location", "connection")
    search_fields = ("level__variant__sku",)
    sku_key_path = "level__variant__sku_key"
    search_help_text = "SKU"
    show_full_result_count = False
    ordering = ("-reported_at",)
    fields = ("connection", "level", "pms_on_hand", "our_on_hand", "difference", "reported_at", "version", "webhook_id")

    @display(description="SKU", ordering="level__variant__sku_key")
    def sku(self, stock: PMSStock) -> str:
        """The SKU of the level."""
        return stock.level.variant.sku

    @display(description="Location", ordering="level__location")
    def location(self, stock: PMSStock) -> str:
        """The location of the level."""
        return stock.level.location.name

    @display(description="PMS on hand", ordering="on_hand")
    def pms_on_hand(self, stock: PMSStock) -> int:
        """The quantity that the PMS reported."""
        return stock.on_hand

    @display(description="Our on hand", ordering="level__on_hand")
    def our_on_hand(self, stock: PMSStock) -> int:
        """The quantity of our ledger."""
        return stock.level.on_hand

    @display(description="Reported", ordering="reported_at")
    def reported(self, stock: PMSStock) -> SafeString:
        """The moment of the reported quantity."""
        return moment(stock.reported_at)

    @display(description="Difference")
    def difference(self, stock: PMSStock) -> SafeString:
        """The reported quantity minus ours; red unless it is 0."""
        difference = stock.on_hand - stock.level.on_hand
        colour = "font-semibold text-red-600 dark:text-red-500" if difference else ""
        return format_html('<span class="{}">{}</span>', colour, f"{difference:+}" if difference else "0")
