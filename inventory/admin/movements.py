"""The ledger, read-only: each movement with what made it."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.admin.explanations import Explanations, who, with_documents
from inventory.admin.quantities import coloured_delta
from inventory.admin.reversing import ReversingAdmin, refusal_of
from inventory.models import StockLevel, StockMovement
from pms_backend.api.admin_tables import EXTRA, EXTRA_NUMBER, MAIN_NUMBER, NAME
from pms_backend.api.service_admin import GrowingTableAdmin, moment
from pms_backend.api.typed_unfold import display
from products.skus import as_sku_key

MAX_SEARCHED_LEVELS: Final = 500
# The levels have bigint keys.
_MAX_DIGITS: Final = 18


class ExactFilter(admin.SimpleListFilter):
    """A filter by one value, which a link sets; it offers no other."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The value of the address."""
        value = request.GET.get(self.parameter_name or "", "")
        return [(value, self.name_of(value))] if value else []

    @classmethod
    def name_of(cls, value: str) -> str:
        """The value in words."""
        return value


class LevelFilter(ExactFilter):
    """The movements of one level, by its id."""

    title = gettext_lazy("level")
    parameter_name = "level"

    @classmethod
    def name_of(cls, value: str) -> str:
        """The SKU and the location."""
        level = StockLevel.objects.select_related("variant", "location").filter(pk=_key(value)).first()
        if level is None:
            return _("a level that does not exist")
        return _("%(sku)s at %(location)s") % {"sku": level.variant.sku, "location": level.location.name}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the level."""
        return queryset.filter(level=_key(self.value() or "")) if self.value() else queryset


class ReferenceFilter(ExactFilter):
    """The movements with one reference."""

    title = gettext_lazy("reference")
    parameter_name = "reference"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those with the reference."""
        return queryset.filter(reference=self.value()) if self.value() else queryset


@admin.register(StockMovement)
class StockMovementAdmin(ReversingAdmin, GrowingTableAdmin):
    """Every movement, newest first. A trigger forbids changes, too."""

    list_display = ("occurred", "reason", "change", "on_hand_after", "actor")
    list_filter = (
        *("reason", ("level__location", admin.RelatedFieldListFilter), "occurred_at"),
        *(LevelFilter, ReferenceFilter),
    )
    column_kinds: ClassVar = {
        "sku": NAME,
        "change": MAIN_NUMBER,
        "on_hand_after": EXTRA_NUMBER,
        "actor": EXTRA,
        "reference": EXTRA,
        "note": EXTRA,
    }
    list_select_related = ("level__variant", "level__location")
    search_fields = ("reference",)
    search_help_text = gettext_lazy("A SKU or its beginning, or a reference")
    empty_text = gettext_lazy("Nothing has moved yet.")
    ordering = ("-id",)
    sortable_by = ()
    fields = (("created_at", "level_version"), "source")
    list_before_template = "inventory/ledger_of.html"
    change_form_outer_before_template = "inventory/movement.html"

    exact_filters: ClassVar[tuple[type[ExactFilter], ...]] = (LevelFilter, ReferenceFilter)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The movements with the documents that made them."""
        return with_documents(super().get_queryset(request))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Adds the columns whose links depend on what the user may see."""
        first, *others = super().get_list_display(request)
        sku, location, reference, note = _linked_columns(Explanations(request.user))
        return [first, sku, location, *others, reference, note]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Says whose movements these are, if a link has chosen them."""
        chosen = [
            (one.title, one.name_of(value), _without(request, one.parameter_name))
            for one in self.exact_filters
            if (value := request.GET.get(str(one.parameter_name), ""))
        ]
        return super().changelist_view(request, {**(extra_context or {}), "chosen": chosen})

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Searches by the ledger's indexes: finds the levels of the SKUs first."""
        term = search_term.strip()
        if not term:
            return queryset, False
        levels = StockLevel.objects.filter(variant__sku_key__startswith=as_sku_key(term) or term)
        of_skus = list(levels.values_list("pk", flat=True)[:MAX_SEARCHED_LEVELS])
        return queryset.filter(Q(level__in=of_skus) | Q(reference=term)), False

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Shows above what the movement did, who made it, and why."""
        movement: Any = context["original"]
        shown = {
            "movement": movement,
            "on_hand_before": movement.on_hand_after - movement.delta,
            "change_shown": coloured_delta(movement.delta),
            "facts": _facts(movement, Explanations(request.user), refusal=self._refusal(request, movement)),
        }
        return super().render_change_form(request, {**context, **shown}, *args, **kwargs)

    def _refusal(self, request: HttpRequest, movement: Any) -> str:
        """Why there is no button that reverses it; what reverses it already is a link of its own."""
        if movement.reversed_by or not self.has_reverse_permission(request):
            return ""
        return refusal_of(movement)

    @display(description=gettext_lazy("When"))
    def occurred(self, movement: StockMovement) -> SafeString:
        """The moment of the movement."""
        return moment(movement.occurred_at)

    @display(description=gettext_lazy("Change"))
    def change(self, movement: StockMovement) -> SafeString:
        """The delta, coloured."""
        return coloured_delta(movement.delta)


def _linked_columns(links: Explanations) -> tuple[Callable[[Any], Any], ...]:
    @display(description=gettext_lazy("SKU"))
    def sku(movement: Any) -> Any:
        return links.product(movement, movement.level.variant.sku)

    @display(description=gettext_lazy("Location"))
    def location(movement: Any) -> Any:
        return links.level(movement, movement.level.location.name)

    @display(description=gettext_lazy("Reference"))
    def reference(movement: Any) -> Any:
        return links.reference(movement)

    @display(description=gettext_lazy("Note"))
    def note(movement: Any) -> Any:
        return links.note(movement)

    return sku, location, reference, note


def _facts(movement: Any, links: Explanations, *, refusal: str) -> list[tuple[str, Any]]:
    """What the page says of the movement, by titles; what there is nothing to say about is left out."""
    level = movement.level
    facts = [
        (_("Product"), links.product(movement, level.variant.product.name)),
        (_("Level"), links.level(movement, LevelFilter.name_of(str(movement.level_id)))),
        (_("Reason"), movement.get_reason_display()),
        (_("When"), moment(movement.occurred_at)),
        (_("Who"), who(movement)),
        (_("Made by"), links.document(movement)),
        (_("Reference"), links.reference_alone(movement)),
        (_("Note"), links.note(movement)),
        (_("Reverses"), links.other(movement.reverses_id)),
        (_("Reversed by"), links.other(movement.reversed_by)),
        (_("Not reversible"), refusal),
        (_("Request"), movement.request_id),
    ]
    return [(title, value) for title, value in facts if value]


def _key(value: str) -> int:
    """The id in an address; 0, which no level has, for any other text."""
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS else 0


def _without(request: HttpRequest, name: str | None) -> str:
    """The list without this filter, and on its first page."""
    query = request.GET.copy()
    for one in (name or "", "p"):
        query.pop(one, None)
    return f"{reverse('admin:inventory_stockmovement_changelist')}?{query.urlencode()}"
