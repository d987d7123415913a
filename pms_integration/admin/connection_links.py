"""Links from the page of a connection to what belongs to it."""

from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from pms_integration.models import PMSConnection, PMSProductState, StockPushStatus

# The text, the model, the name of the filter by connection, and what else is filtered by.
_LINKS: Final[tuple[tuple[str, str, str, dict[str, str]], ...]] = (
    ("Product pushes", "pmsproductpush", "pms_product__connection__id__exact", {}),
    ("Pending stock pushes", "pmsstockpush", "connection__id__exact", {"status__exact": StockPushStatus.PENDING.value}),
    ("Conflicts", "pmsproduct", "connection__id__exact", {"state": PMSProductState.CONFLICT.value}),
    ("Products", "pmsproduct", "connection__id__exact", {}),
    ("Stock", "pmsstock", "connection__id__exact", {}),
    ("Events", "pmsevent", "connection__id__exact", {}),
    ("Sync runs", "syncrun", "connection__id__exact", {}),
)


def links_of(request: HttpRequest, connection: PMSConnection) -> list[tuple[str, str]]:
    """The texts and addresses of the lists that the user may view."""
    return [
        (text, f"{reverse(f'admin:pms_integration_{model}_changelist')}?{urlencode({by: str(connection.pk), **more})}")
        for text, model, by, more in _LINKS
        if request.user.has_perm(f"pms_integration.view_{model}")
        or request.user.has_perm(f"pms_integration.change_{model}")
    ]
