"""Locations: created, renamed, closed."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet, Sum
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from inventory import services
from inventory.models import Location
from pms_backend.access.history_pages import HistoryPages
from pms_backend.api.admin_tables import EXTRA, MAIN_NUMBER, NAME, NUMBER
from pms_backend.api.typed_unfold import display
from products.admin.label_pages import LabelPages
from products.labels import Label, code_symbol


@admin.register(Location)
class LocationAdmin(HistoryPages, LabelPages):
    """Places that hold stock; one that holds some is not closed."""

    history_kind = "location"
    list_display = ("code", "name", "priority", "is_active", "units")
    column_kinds: ClassVar = {"name": NAME, "code": EXTRA, "priority": NUMBER, "units": MAIN_NUMBER}
    list_filter = ("is_active",)
    search_fields = ("code", "name")
    search_help_text = _("Code or name")
    empty_text = _("Stock is kept at locations: add the first one.")
    actions = ("print_labels",)
    actions_detail = ("labels",)
    fields = ("code", "name", "priority", "is_active", "address")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Location]:
        """Adds the units on hand."""
        locations: QuerySet[Location] = super().get_queryset(request)
        return locations.annotate(units_on_hand=Sum("levels__on_hand"))

    def labels_of(self, rows: QuerySet[Location]) -> list[Label]:
        """One for each location, with the code that a scan of it gives."""
        return [Label(title=one.name, code=one.code, symbol=code_symbol(one.code), is_location=True) for one in rows]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keeps the code, by which clients know the location."""
        return ("code",) if obj else ()

    def write(self, request: HttpRequest, obj: Location, form: Any, formsets: list[Any], *, change: bool) -> None:
        """Creates the location, or writes the changed fields."""
        if change:
            values = {name: form.cleaned_data[name] for name in form.changed_data}
            services.update_location(code=obj.code, values=values)
        else:
            obj.pk = services.create_location(**form.cleaned_data).pk

    @display(description=_("Units on hand"), ordering="units_on_hand")
    def units(self, location: Any) -> int:
        """The units on hand, over all its levels."""
        return location.units_on_hand or 0
