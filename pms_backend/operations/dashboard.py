"""The admin's first page: what is wrong, what is to be done now, the stock of the last days, how the system does."""

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from inventory.admin.live import live_stock
from inventory.admin.quantities import coloured_delta
from inventory.models import StockMovement
from pms_backend.api.admin_tables import MAIN_NUMBER, NUMBER, SHORT, TEXT, Table, link
from pms_backend.api.service_admin import moment
from pms_backend.operations.alerts.words import open_alerts_in_words
from pms_backend.operations.health_in_words import health_in_words
from pms_backend.operations.stock_charts import stock_charts
from pms_backend.operations.to_do import to_do

LAST_MOVEMENTS: Final = 10


def add_content(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the parts that this user may see; Unfold calls it."""
    # Before the figures are read.
    live = live_stock(request)
    content: dict[str, Any] = {
        "alerts": open_alerts_in_words(request),
        "to_do": to_do(request),
        "charts": stock_charts(request),
        "health": health_in_words(request),
        "movements": last_movements() if request.user.has_perm("inventory.view_stockmovement") else None,
    }
    is_empty = all(part is None or part == [] for part in content.values()) and content["to_do"] is None
    has_no_permissions = is_empty and not request.user.get_all_permissions()
    return {**context, **content, "live": live, "is_empty": is_empty, "has_no_permissions": has_no_permissions}


def last_movements() -> Table:
    """Returns the table of the newest movements."""
    page = "admin:inventory_stocklevel_change"
    newest = StockMovement.objects.select_related("level__variant", "level__location").order_by("-id")
    return Table(
        title=_("Last movements"),
        columns={
            _("When"): SHORT,
            _("SKU"): TEXT,
            _("Location"): TEXT,
            _("Reason"): TEXT,
            _("Change"): NUMBER,
            _("On hand after"): MAIN_NUMBER,
            _("Who"): TEXT,
        },
        rows=[
            (
                moment(movement.occurred_at),
                link(reverse(page, args=[movement.level_id]), movement.level.variant.sku),
                movement.level.location.name,
                movement.get_reason_display(),
                coloured_delta(movement.delta),
                movement.on_hand_after,
                movement.actor,
            )
            for movement in newest[:LAST_MOVEMENTS]
        ],
        empty=_("Nothing has moved yet."),
    )
