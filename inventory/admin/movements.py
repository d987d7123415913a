"""The ledger, read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from inventory.admin.quantities import coloured_delta
from inventory.admin.reversing import ReversingAdmin
from inventory.models import StockLevel, StockMovement
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import display
from products.skus import as_sku_key

MAX_SEARCHED_LEVELS = 500


@admin.register(StockMovement)
class StockMovementAdmin(ReversingAdmin, GrowingTableAdmin):
    """Every movement, newest first. A trigger forbids changes, too."""

    list_display = (
        *("occurred", "sku", "location", "reason", "change", "on_hand_after", "actor", "reference", "note"),
    )
    list_filter = ("reason", ("level__location", admin.RelatedFieldListFilter), "occurred_at")
    list_select_related = ("level__variant", "level__location")
    search_fields = ("reference",)
    search_help_text = "A SKU or its beginning, or a reference"
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        *("level", "reason", "change", "on_hand_after", "level_version", "occurred_at", "created_at"),
        *("actor", "reference", "note", "request_id", "source"),
    )

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Searches by the ledger's indexes: finds the levels of the SKUs first."""
        term = search_term.strip()
        if not term:
            return queryset, False
        levels = StockLevel.objects.filter(variant__sku_key__startswith=as_sku_key(term) or term)
        of_skus = list(levels.values_list("pk", flat=True)[:MAX_SEARCHED_LEVELS])
        return queryset.filter(Q(level__in=of_skus) | Q(reference=term)), False

    @display(description="When")
    def occurred(self, movement: StockMovement) -> SafeString:
        """The moment of the movement."""
        return moment(movement.occurred_at)

    @display(description="SKU")
    def sku(self, movement: StockMovement) -> str:
        """The SKU of the level."""
        return movement.level.variant.sku

    @display(description="Location")
    def location(self, movement: StockMovement) -> str:
        """The location of the level."""
        return movement.level.location.name

    @display(description="Change")
    def change(self, movement: StockMovement) -> SafeString:
        """The delta, coloured."""
        return coloured_delta(movement.delta)
