"""The live board of stock, by location."""

from typing import Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from inventory.admin.live import live_stock
from inventory.board import BoardSection, locations_with_stock, read_board
from inventory.models import Location, StockLevel
from pms_backend.api.service_admin import moment

# Of all locations; each further one is shown alone.
LOCATIONS_AT_ONCE: Final = 12


def show_board(request: HttpRequest) -> TemplateResponse:
    """The levels of all locations, or of that in `?location=`, which change while one looks at them."""
    if not admin.site.get_model_admin(StockLevel).has_view_permission(request):
        raise PermissionDenied
    live = live_stock(request)
    locations = list(locations_with_stock())
    chosen = _chosen(locations, request.GET.get("location", ""))
    shown = [chosen] if chosen else locations[:LOCATIONS_AT_ONCE]
    context = {
        **admin.site.each_context(request),
        "title": _("Board"),
        "is_fullwidth": "1",
        "live": live,
        "locations": locations,
        "chosen": chosen,
        "not_shown": 0 if chosen else len(locations) - len(shown),
        "sections": [_with_rows(section) for section in read_board(shown)],
        "oversold": _("Oversold"),
        "reorder": _("Reorder"),
    }
    return TemplateResponse(request, "inventory/board.html", context)


def _chosen(locations: list[Location], code: str) -> Location | None:
    if not code:
        return None
    for location in locations:
        if location.code == code:
            return location
    raise Http404(_("No active location with stock has the code %(code)s.") % {"code": code})


def _with_rows(section: BoardSection) -> dict[str, object]:
    return {
        "location": section.location,
        "rows": [(level, moment(level.updated_at)) for level in section.levels],
        "hidden_in_need": section.hidden_in_need,
    }
