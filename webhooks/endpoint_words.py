"""What an endpoint gets, how it does and what waits for it, in words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import localize, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from pms_backend.events.domain_events import event_types
from webhooks.health_report import Recent
from webhooks.models import SWITCHED_OFF, WebhookEndpoint, unsettled
from webhooks.schedule import DISABLED_AFTER
from webhooks.services.health import FAILED_REASON, GONE_REASON

HEALTHY, FAILING, DISABLED = "healthy", "failing", "disabled"
STATE_LABELS: Final = {HEALTHY: "success", FAILING: "warning", DISABLED: "danger"}
_STATES: Final[dict[str, Any]] = {
    HEALTHY: gettext_lazy("Healthy"),
    FAILING: gettext_lazy("Failing"),
    DISABLED: gettext_lazy("Disabled"),
}
_REASONS: Final[dict[str, Any]] = {
    SWITCHED_OFF: gettext_lazy("Somebody has switched it off."),
    GONE_REASON: gettext_lazy("It has answered 410 Gone."),
    FAILED_REASON: gettext_lazy("No delivery has succeeded for five days."),
}
# A larger count takes long and says nothing more.
MAX_COUNTED: Final = 10_000


def label_of(endpoint: WebhookEndpoint) -> tuple[str, Any]:
    """How the endpoint does, for a coloured label: its key in `STATE_LABELS`, and its text."""
    state = FAILING if endpoint.failing_since else HEALTHY
    if not endpoint.is_active:
        state = DISABLED
    return state, _STATES[state]


def health_in_words(endpoint: WebhookEndpoint, recent: Recent, *, is_listed: bool = False) -> str:
    """How the endpoint does, in a sentence or two; in a list without what comes next."""
    if not endpoint.is_active:
        return _disabled(endpoint, is_listed=is_listed)
    if endpoint.failing_since is None:
        return _healthy(endpoint, recent)
    words = _failing(endpoint, endpoint.failing_since, recent.last_status)
    if is_listed:
        return words
    ends = _shown(endpoint.failing_since + DISABLED_AFTER)
    return f"{words} {_('If that goes on, it is disabled on %(moment)s.') % {'moment': ends}}{_next_try(endpoint)}"


def waiting_in_words(endpoint: WebhookEndpoint) -> str:
    """What is still to be sent."""
    waiting = unsettled(endpoint=endpoint).order_by("sequence")
    count = waiting[: MAX_COUNTED + 1].count()
    if not count:
        return _("Nothing waits to be sent.")
    oldest = waiting.values_list("created_at", flat=True)[0]
    shown = f"{number_format(MAX_COUNTED)}+" if count > MAX_COUNTED else number_format(count)
    return ngettext(
        "%(count)s delivery waits to be sent, the oldest since %(since)s.",
        "%(count)s deliveries wait to be sent, the oldest since %(since)s.",
        count,
    ) % {"count": shown, "since": _shown(oldest)}


def subscription_in_words(patterns: Sequence[str]) -> str:
    """Which events an endpoint gets: all, all of a kind with their types, or those of a type."""
    if "*" in patterns:
        return _("All events.")
    return "; ".join(_pattern_in_words(pattern) for pattern in patterns)


def _pattern_in_words(pattern: str) -> str:
    if not pattern.endswith("*"):
        return pattern
    types = [kind for kind in event_types() if kind.startswith(pattern[:-1])]
    return _("all of %(pattern)s (%(types)s)") % {"pattern": pattern, "types": ", ".join(types)}


def _disabled(endpoint: WebhookEndpoint, *, is_listed: bool) -> str:
    reason = str(_REASONS.get(endpoint.disabled_reason, endpoint.disabled_reason))
    since = _("Disabled since %(moment)s.") % {"moment": _shown(endpoint.disabled_at)} if endpoint.disabled_at else ""
    if is_listed:
        return f"{since} {reason}".strip()
    missed = _("Nothing is sent. Enable it to send what it has missed, after the sequence %(sequence)s.")
    return " ".join((since, reason, missed % {"sequence": number_format(endpoint.resume_after or 0)})).strip()


def _failing(endpoint: WebhookEndpoint, since: datetime, last_status: int | None) -> str:
    text = (
        ngettext(
            "Failing since %(since)s: %(count)s attempt has failed, the last one was answered %(status)s.",
            "Failing since %(since)s: %(count)s attempts in a row have failed, the last one was answered %(status)s.",
            endpoint.failures,
        )
        if last_status
        else ngettext(
            "Failing since %(since)s: %(count)s attempt has failed, the last one without an answer.",
            "Failing since %(since)s: %(count)s attempts in a row have failed, the last one without an answer.",
            endpoint.failures,
        )
    )
    return text % {"since": _shown(since), "count": number_format(endpoint.failures), "status": last_status}


def _healthy(endpoint: WebhookEndpoint, recent: Recent) -> str:
    if not recent.attempts:
        if endpoint.last_success_at is None:
            return _("Nothing was sent yet.") + _next_try(endpoint)
        last = _shown(endpoint.last_success_at)
        text = _("Nothing was sent in the last 24 hours. The last delivery succeeded at %(moment)s.") % {"moment": last}
        return text + _next_try(endpoint)
    median = "" if recent.median_ms is None else " " + _("Median: %(ms)s ms.") % {"ms": number_format(recent.median_ms)}
    return _delivered(recent) + median + _next_try(endpoint)


def _delivered(recent: Recent) -> str:
    words = {"count": number_format(recent.attempts), "good": number_format(recent.delivered)}
    if recent.delivered == recent.attempts:
        if recent.is_sample:
            return _("All of the last %(count)s attempts were delivered.") % words
        return _("All delivered in the last 24 hours.")
    if recent.is_sample:
        return _("%(good)s of the last %(count)s attempts were delivered.") % words
    return _("%(good)s of %(count)s attempts of the last 24 hours were delivered.") % words


def _next_try(endpoint: WebhookEndpoint) -> str:
    if endpoint.next_try_at is None or endpoint.next_try_at <= timezone.now():
        return ""
    moment = f"{timezone.localtime(endpoint.next_try_at):%H:%M:%S %Z}"
    return " " + _("Nothing is sent before %(moment)s.") % {"moment": moment}


def _shown(value: datetime) -> str:
    return localize(timezone.localtime(value))
