"""Movements by their reference."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory.models import StockMovement
from inventory.references import has_reference
from pms_backend.api.service_admin import moment
from pms_backend.operations.search.results import Group, Hit, Precedence, list_url
from pms_backend.operations.search.rows import may_view

# An import may have made thousands.
MAX_COUNTED: Final = 100


def find_movements(request: HttpRequest, text: str) -> list[Group]:
    """The movements with this reference: one hit for all of them."""
    if not may_view(request, StockMovement):
        return []
    movements = StockMovement.objects.filter(has_reference(text)).order_by()
    moments: dict[str, list[datetime]] = {}
    for reference, occurred_at in movements.values_list("reference", "occurred_at")[: MAX_COUNTED + 1]:
        moments.setdefault(reference, []).append(occurred_at)
    return [
        Group(
            title=_("Stock movements"),
            precedence=Precedence.MOVEMENTS,
            hits=[
                Hit(
                    url=list_url("inventory_stockmovement", reference=reference),
                    icon="receipt_long",
                    title=reference,
                    details=_details(found),
                    is_exact=True,
                )
                for reference, found in moments.items()
            ],
        )
    ]


def _details(moments: Sequence[datetime]) -> list[str]:
    count = len(moments)
    if count > MAX_COUNTED:
        return [_("more than %(count)s movements") % {"count": number_format(MAX_COUNTED)}]
    counted = ngettext("%(count)s movement", "%(count)s movements", count) % {"count": number_format(count)}
    return [counted, format_html(_("the last {}"), moment(max(moments)))]
