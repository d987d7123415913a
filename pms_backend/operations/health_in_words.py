"""How the sync, the deliveries and the feed do, in sentences: a part of the dashboard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pms_backend.api.admin_tables import link
from pms_backend.api.service_admin import moment
from pms_backend.events.models import Event
from pms_backend.operations import sync_success
from pms_backend.operations.sync_success import PMS, Share
from webhooks.models import SWITCHED_OFF, WebhookEndpoint

SYNC_PERMISSIONS: Final = tuple(f"pms_integration.view_{name}" for name in ("pmsconnection", "pmsevent", "syncrun"))
# The relay publishes within seconds; an event that waits for longer is late.
IS_LATE_AFTER: Final = timedelta(minutes=1)
MAX_WAITING: Final = 1_000


@dataclass(frozen=True, slots=True)
class Health:
    """How a part of the system does: a sentence or two, and what somebody should look at."""

    title: str
    words: str
    url: str
    details: list[SafeString] = field(default_factory=list)
    is_good: bool = True


def health_in_words(request: HttpRequest) -> list[Health]:
    """The health of what this user may see, in at most five statements."""
    parts = (
        (SYNC_PERMISSIONS, sync_in_words),
        (("webhooks.view_webhookendpoint",), deliveries_in_words),
        (("events.view_event",), feed_in_words),
    )
    return [words() for permissions, words in parts if request.user.has_perms(permissions)]


def sync_in_words() -> Health:
    """Whether the PMSs answer, and how much of their events and runs of the last day has succeeded."""
    connections = sync_success.sync_success()
    called = [pms for pms in connections if pms.is_called]
    details = [detail for pms in connections for detail in _details_of(pms, is_only=len(connections) == 1)]
    events = sum((pms.events for pms in connections), Share())
    runs = sum((pms.runs.share for pms in connections), Share())
    is_good = all(pms.answers for pms in called) and events.is_whole and runs.is_whole and not details
    words = [_answers(connections, called)]
    if any(pms.is_active for pms in connections):
        words += [_events(events), *([_runs(runs)] if runs.whole else [])]
    return Health(_("Sync"), " ".join(words), _list("pms_integration_pmsconnection"), details, is_good)


def deliveries_in_words() -> Health:
    """Whether the endpoints get their events."""
    columns = ("pk", "description", "url", "is_active", "failing_since", "disabled_at", "disabled_reason")
    rows = WebhookEndpoint.objects.order_by("pk").values_list(*columns, named=True)
    wanted: list[Any] = [row for row in rows if row.disabled_reason != SWITCHED_OFF]
    wrong = [row for row in wanted if not row.is_active or row.failing_since]
    if not wanted:
        words = _("Nobody has asked for webhooks.")
    elif not wrong:
        words = ngettext(
            "The endpoint gets all its events.", "All %(count)s endpoints get their events.", len(wanted)
        ) % {"count": number_format(len(wanted))}
    elif len(wanted) == 1:
        words = _("The endpoint does not get its events.")
    else:
        words = ngettext(
            "%(good)s of %(count)s endpoints gets its events.",
            "%(good)s of %(count)s endpoints get their events.",
            len(wanted) - len(wrong),
        ) % {"good": number_format(len(wanted) - len(wrong)), "count": number_format(len(wanted))}
    details = [_endpoint(row) for row in wrong]
    return Health(_("Deliveries"), words, _list("webhooks_webhookendpoint"), details, not wrong)


def feed_in_words() -> Health:
    """Whether events are published as soon as they are recorded."""
    waiting = list(Event.objects.pending().values_list("occurred_at", flat=True)[: MAX_WAITING + 1])
    address = _list("events_event")
    if not waiting or waiting[0] > timezone.now() - IS_LATE_AFTER:
        return Health(_("Feed"), _("Up to date."), address)
    words = ngettext(
        "%(count)s event waits to be published.", "%(count)s events wait to be published.", len(waiting)
    ) % {"count": f"{number_format(MAX_WAITING)}+" if len(waiting) > MAX_WAITING else number_format(len(waiting))}
    oldest = format_html(_("The oldest has waited since {}."), moment(waiting[0]))
    return Health(_("Feed"), words, address, [oldest], is_good=False)


def _answers(connections: Sequence[PMS], called: Sequence[PMS]) -> str:
    active = sum(pms.is_active for pms in connections)
    if not active:
        return _("No PMS is connected.")
    if not called:
        if active == 1:
            return _("The PMS is not called: it only sends webhooks.")
        return _("No PMS is called: they only send webhooks.")
    answering = sum(pms.answers for pms in called)
    if answering == len(called):
        return ngettext("The PMS answers.", "All %(count)s PMSs answer.", answering) % {
            "count": number_format(answering)
        }
    if len(called) == 1:
        return _("The PMS does not answer.")
    return ngettext("%(good)s of %(count)s PMSs answers.", "%(good)s of %(count)s PMSs answer.", answering) % {
        "good": number_format(answering),
        "count": number_format(len(called)),
    }


def _events(share: Share) -> str:
    if not share.whole:
        return _("No event came in the last 24 hours.")
    if share.whole >= sync_success.MAX_EVENTS:
        which = _("the newest %(count)s events") % {"count": number_format(share.whole)}
    else:
        which = ngettext("%(count)s event", "%(count)s events", share.whole) % {"count": number_format(share.whole)}
    words = {"which": which, "percent": number_format(share.percent, 1)}
    if share.is_whole:
        return _("All of %(which)s of the last 24 hours were applied.") % words
    return _("%(percent)s %% of %(which)s of the last 24 hours were applied.") % words


def _runs(share: Share) -> str:
    return ngettext(
        "%(good)s of %(count)s sync run finished.", "%(good)s of %(count)s sync runs finished.", share.whole
    ) % {"good": number_format(share.succeeded), "count": number_format(share.whole)}


def _details_of(pms: PMS, *, is_only: bool) -> Iterator[SafeString]:
    """What somebody should look at."""
    page = reverse("admin:pms_integration_pmsconnection_change", args=[pms.pk])
    if pms.is_called and not pms.answers:
        if pms.last_contact_at:
            yield format_html(_("{} has not answered since {}."), link(page, pms.name), moment(pms.last_contact_at))
        else:
            yield format_html(_("{} has not answered yet."), link(page, pms.name))
    if not pms.events.is_whole and not is_only:
        events = _list("pms_integration_pmsevent", connection__id__exact=pms.pk)
        percent, count = number_format(pms.events.percent, 1), number_format(pms.events.whole)
        yield format_html(_("{}: {} % of {} events were applied."), link(events, pms.name), percent, count)
    for run, words in ((pms.runs.held, _("{} of {} is held.")), (pms.runs.failed, _("{} of {} has failed."))):
        if run:
            address = reverse("admin:pms_integration_syncrun_change", args=[run])
            yield format_html(words, link(address, _("Sync run %(number)s") % {"number": run}), pms.name)


def _endpoint(row: Any) -> SafeString:
    page = reverse("admin:webhooks_webhookendpoint_change", args=[row.pk])
    named = link(page, row.description or row.url)
    if row.is_active:
        return format_html(_("{} is failing since {}."), named, moment(row.failing_since))
    return format_html(_("{} is disabled since {}."), named, moment(row.disabled_at))


def _list(name: str, **filters: int) -> str:
    address = reverse(f"admin:{name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address
