"""The refused webhooks of connections: in words, and as a filter of their list."""

from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import localize, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from pms_integration import services
from pms_integration.services import RefusedWebhooks, WebhookRefusal

_WHY: Final = {
    WebhookRefusal.WRONG_SIGNATURE: gettext_lazy("its signature does not match. Was the secret changed?"),
    WebhookRefusal.NO_SIGNATURE: gettext_lazy("it has no signature. Does the PMS sign its webhooks?"),
    WebhookRefusal.STALE: gettext_lazy(
        "its timestamp is more than 5 minutes from our time. Is the clock of the PMS right?"
    ),
    WebhookRefusal.TOO_LARGE: gettext_lazy("its body is larger than 5 MiB."),
    WebhookRefusal.NOT_JSON: gettext_lazy("it is signed, but its body is not a JSON object."),
}


class RefusedFilter(admin.SimpleListFilter):
    """Connections of which a webhook was refused a short time ago."""

    title = gettext_lazy("webhooks")
    parameter_name = "webhooks"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The one state that somebody looks for."""
        return [("refused", gettext_lazy("Refused in the last hour"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The connections, if they are asked for."""
        return queryset.filter(slug__in=services.recently_refused()) if self.value() == "refused" else queryset


def refused_in_words(refused: RefusedWebhooks | None) -> str:
    """How many webhooks of the last 24 hours were refused, and why the last one was; empty if none was."""
    if refused is None:
        return ""
    counted = ngettext(
        "%(count)s webhook was refused since %(since)s.",
        "%(count)s webhooks were refused since %(since)s.",
        refused.count,
    ) % {"count": number_format(refused.count), "since": _shown(refused.since)}
    last = _("The last one, at %(moment)s: %(why)s") % {
        "moment": _shown(refused.last_at),
        "why": _WHY[refused.last_reason],
    }
    return f"{counted} {last}"


def _shown(moment: datetime) -> str:
    return localize(timezone.localtime(moment))
