"""What an API client is and may do, in words: its state, its scopes, its limits and its last use."""

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import localize, number_format
from django.utils.timesince import timeuntil
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from pms_backend.access.models import INTERNAL_TIER, STOREFRONT_TIER, ApiClient
from pms_backend.access.rates import Rate, rate_of_tier

# A client whose end is nearer is marked.
SOON: Final = timedelta(days=14)
STATE_LABELS: Final = {"active": "success", "soon": "warning", "expired": "danger", "revoked": "default"}
_STATES: Final = {
    "active": gettext_lazy("Active"),
    "soon": gettext_lazy("Expires soon"),
    "expired": gettext_lazy("Expired"),
    "revoked": gettext_lazy("Revoked"),
}
SCOPE_TEXTS: Final[dict[str, Any]] = {
    "products:read": gettext_lazy("Reads products, variants, categories and images, without costs."),
    "products:write": gettext_lazy("Creates, changes, publishes and imports products, and sees costs."),
    "inventory:read": gettext_lazy(
        "Reads stock levels, movements, locations, reservations, transfers and count sheets."
    ),
    "inventory:write": gettext_lazy("Books stock: receives, corrects, reserves, transfers and counts."),
    "pms:read": gettext_lazy("Reads connections to PMSs, their events and their sync runs."),
    "pms:write": gettext_lazy("Sets up connections to PMSs, starts sync runs and settles conflicts."),
    "webhooks:read": gettext_lazy("Reads webhook endpoints and their deliveries."),
    "webhooks:write": gettext_lazy("Sets up webhook endpoints, which then get every event that they ask for."),
    "events:read": gettext_lazy("Reads the feed of all events, with everything in them, costs too."),
    "access:admin": gettext_lazy("Creates and revokes API clients. Give it to no program that does not need it."),
}
_WINDOWS: Final = {
    1: gettext_lazy("a second"),
    60: gettext_lazy("a minute"),
    3_600: gettext_lazy("an hour"),
    86_400: gettext_lazy("a day"),
}


def label_of(client: ApiClient) -> tuple[str, Any]:
    """The state of the client for a coloured label: its key in `STATE_LABELS`, and its text."""
    state = "soon" if expires_soon(client) else client.state
    return state, _STATES[state]


def expires_soon(client: ApiClient) -> bool:
    """Whether an active client ends within `SOON`."""
    return client.state == "active" and client.expires_at is not None and client.expires_at - timezone.now() < SOON


def state_in_words(client: ApiClient) -> str:
    """Whether its keys are accepted, and until when."""
    if client.revoked_at is not None:
        return _("Revoked since %(moment)s, for good: its keys are refused.") % {"moment": _shown(client.revoked_at)}
    if client.expires_at is None:
        return _("Its keys are accepted, without an end.")
    moment = _shown(client.expires_at)
    if client.has_expired:
        return _("Expired since %(moment)s: its keys are refused.") % {"moment": moment}
    left = timeuntil(client.expires_at, depth=1).replace("\xa0", " ")
    return _("Its keys are accepted until %(moment)s, for %(left)s more.") % {"moment": moment, "left": left}


def use_in_words(client: ApiClient) -> str:
    """The last request that was noted; one a minute is."""
    if client.last_used_at is None:
        return _("It was never used.")
    words = {"moment": _shown(client.last_used_at), "request": client.last_request, "address": client.last_address}
    if not client.last_request:
        return _("Last used at %(moment)s.") % words
    return _("%(request)s from %(address)s at %(moment)s. One request a minute is noted.") % words


def limits_in_words(tier: str) -> str:
    """How much clients of the tier may ask for, and what else it means."""
    reads, writes = (rate_of_tier(tier, write=write) for write in (False, True))
    if tier == INTERNAL_TIER:
        limits = _("No limit.")
    elif reads is None or writes is None:
        limits = _("No limit: rate limits are switched off.")
    else:
        limits = _("At most %(reads)s reads %(window)s and %(writes)s writes %(window_of_writes)s.") % {
            "reads": number_format(reads.limit),
            "window": _window(reads),
            "writes": number_format(writes.limit),
            "window_of_writes": _window(writes),
        }
    if tier == STOREFRONT_TIER:
        return f"{limits} {_('It sees published products only, and availability, but no other stock.')}"
    return limits


def _window(rate: Rate) -> Any:
    return _WINDOWS[rate.window_seconds]


def _shown(moment: Any) -> str:
    return localize(timezone.localtime(moment))
