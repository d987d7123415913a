"""The changes of our stock that a PMS has to be told, and what became of them."""

from typing import ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.admin.quantities import coloured_delta
from pms_backend.api.admin_tables import EXTRA, KEY, MAIN_NUMBER, link
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import display
from pms_integration.models import PMSStockPush, StockPushStatus
from products.admin.sku_search import SkuSearch

STATUS_LABELS: Final = {
    StockPushStatus.PENDING.value: "info",
    StockPushStatus.ACKNOWLEDGED.value: "success",
    StockPushStatus.REJECTED.value: "danger",
}


@admin.register(PMSStockPush)
class PMSStockPushAdmin(SkuSearch, GrowingTableAdmin):
    """Movements of ours and corrections, each of which is sent until the PMS has answered."""

    list_display = (
        *("sku_of_level", "location", "connection", "change", "reason", "status_label", "created", "acknowledged"),
        "error",
    )
    column_kinds: ClassVar = {
        "sku_of_level": KEY,
        "connection": EXTRA,
        "change": MAIN_NUMBER,
        "reason": EXTRA,
        "acknowledged": EXTRA,
        "error": EXTRA,
    }
    empty_text = gettext_lazy("No change of our stock had to be sent to a PMS yet.")
    list_filter = ("status", "connection")
    list_select_related = ("level__variant", "level__location", "connection")
    search_fields = ("level__variant__sku",)
    sku_key_path = "level__variant__sku_key"
    search_help_text = gettext_lazy("SKU")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        *("connection", "level", "movement_link", "change", "reason", "reference", "occurred_at", "status"),
        *("error", "idempotency_key", "sku", "location_name", "due_at", "failures", "created_at", "acknowledged_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PMSStockPush]:
        """The pushes with what names their level."""
        pushes: QuerySet[PMSStockPush] = super().get_queryset(request)
        return pushes.select_related("level__variant", "level__location", "connection")

    @display(description=gettext_lazy("SKU"))
    def sku_of_level(self, push: PMSStockPush) -> str:
        """The SKU of the level, as it is now."""
        return push.level.variant.sku

    @display(description=gettext_lazy("Location"))
    def location(self, push: PMSStockPush) -> str:
        """The location of the level."""
        return push.level.location.name

    @display(description=gettext_lazy("Change"))
    def change(self, push: PMSStockPush) -> SafeString:
        """The units, coloured."""
        return coloured_delta(push.delta)

    @display(description=gettext_lazy("Status"), label=STATUS_LABELS)
    def status_label(self, push: PMSStockPush) -> tuple[str, str]:
        """The status as a coloured label."""
        return push.status, push.get_status_display()

    @display(description=gettext_lazy("Created"))
    def created(self, push: PMSStockPush) -> SafeString:
        """When it was recorded."""
        return moment(push.created_at)

    @display(description=gettext_lazy("Acknowledged"))
    def acknowledged(self, push: PMSStockPush) -> SafeString | None:
        """When the PMS applied it, by its clock."""
        return None if push.acknowledged_at is None else moment(push.acknowledged_at)

    @display(description=gettext_lazy("Movement"))
    def movement_link(self, push: PMSStockPush) -> SafeString | str:
        """The movement of our ledger; a correction has none."""
        if push.movement_id is None:
            return _("A correction of the PMS's stock")
        address = reverse("admin:inventory_stockmovement_change", args=[push.movement_id])
        return link(address, _("Movement %(id)s") % {"id": push.movement_id})
