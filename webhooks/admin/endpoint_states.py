"""The filter of endpoints by how they do."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from webhooks.models import WebhookEndpointQuerySet

_Choose = Callable[[WebhookEndpointQuerySet], WebhookEndpointQuerySet]


class StateFilter(admin.SimpleListFilter):
    """Endpoints that fail, that were disabled because they failed, or that somebody has switched off."""

    title = gettext_lazy("state")
    parameter_name = "state"
    wanted: Final[dict[str, tuple[Any, _Choose]]] = {
        "failing": (gettext_lazy("Failing"), WebhookEndpointQuerySet.failing),
        "given_up": (gettext_lazy("Disabled after failures"), WebhookEndpointQuerySet.given_up),
        "switched_off": (gettext_lazy("Switched off"), WebhookEndpointQuerySet.switched_off),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The three states."""
        return [(name, label) for name, (label, _) in self.wanted.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        """The endpoints in the chosen state."""
        _, choose = self.wanted.get(self.value() or "", (None, None))
        return choose(queryset) if choose else queryset  # type: ignore[arg-type]
