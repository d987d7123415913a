"""What a page of the admin needs to stay right while stock changes (inventory/static/inventory/live_stock.js)."""

from dataclasses import dataclass

from django.forms.widgets import Script
from django.http import HttpRequest
from django.middleware.csrf import get_token

from pms_backend.access.caller import caller_in_admin
from pms_backend.access.scopes import INVENTORY_READ
from pms_backend.access.sockets import may_watch
from pms_backend.api.content_security import socket_origin
from pms_backend.events.models import head_sequence

SCRIPT = Script("inventory/live_stock.js", type="module")
STYLE = "inventory/live.css"


@dataclass(frozen=True, slots=True)
class LiveStock:
    """Where the page listens, and after which sequence of the feed its figures were read."""

    url: str
    after: int


def live_stock(request: HttpRequest) -> LiveStock | None:
    """For `inventory/live_status.html`; None where the user or the browser may not watch stock.

    Call it before the page's figures are read: all later changes are sent to the page.
    """
    origin = socket_origin(request)
    if not origin or not may_watch(caller_in_admin(request), INVENTORY_READ):
        return None
    # Has the cookie set that the page's requests for tickets need.
    get_token(request)
    return LiveStock(url=f"{origin}/ws/stock/", after=head_sequence())
