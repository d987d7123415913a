"""Links from the page of a connection to what belongs to it."""

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from pms_integration.models import PMSConnection, PMSProductState, StockPushStatus

# The text, the model, the name of the filter by connection, and what else is filtered by.
_LINKS: Final[tuple[tuple[Any, str, str, dict[str, str]], ...]] = (
    (gettext_lazy("Product pushes"), "pmsproductpush", "pms_product__connection__id__exact", {}),
    (
        gettext_lazy("Pending stock pushes"),
        "pmsstockpush",
        "connection__id__exact",
        {"status__exact": StockPushStatus.PENDING.value},
    ),
    (gettext_lazy("Conflicts"), "pmsproduct", "connection__id__exact", {"state": PMSProductState.CONFLICT.value}),
    (gettext_lazy("Products"), "pmsproduct", "connection__id__exact", {}),
    (gettext_lazy("Stock"), "pmsstock", "connection__id__exact", {}),
    (gettext_lazy("Events"), "pmsevent", "connection__id__exact", {}),
    (gettext_lazy("Sync runs"), "syncrun", "connection__id__exact", {}),
)


def links_of(request: HttpRequest, connection: PMSConnection) -> list[tuple[Any, str]]:
    """The texts and addresses of the lists that the user may view."""
    return [
        (text, f"{reverse(f'admin:pms_integration_{model}_changelist')}?{urlencode({by: str(connection.pk), **more})}")
        for text, model, by, more in _LINKS
        if request.user.has_perm(f"pms_integration.view_{model}")
        or request.user.has_perm(f"pms_integration.change_{model}")
    ]
