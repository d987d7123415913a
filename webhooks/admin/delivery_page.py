"""What the page of a delivery shows below its fields: its attempts as a timeline, and what is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from pms_backend.access.visibility import sees_cost
from pms_backend.api.admin_subjects import subject_link
from pms_backend.api.admin_tables import KEY, TEXT, Table, link
from pms_backend.api.exact_json import exact_json
from pms_backend.api.service_admin import json_block, moment
from webhooks.delivery_words import result_in_words, state_in_words
from webhooks.models import Delivery, DeliveryAttempt
from webhooks.schedule import is_success
from webhooks.services.messages import StoredEvent, body_of, signed_headers, stored_events

# Each time a delivery is sent again, up to ten more are made.
MAX_ATTEMPTS: Final = 50
MASK: Final = "••••••••"
OF_AN_ATTEMPT: Final = ("webhook-timestamp", "webhook-signature")


@dataclass(frozen=True, slots=True)
class Step:
    """An attempt on the timeline."""

    title: str
    at: SafeString
    result: str
    answer: str
    is_good: bool


def page_content(request: HttpRequest, delivery: Delivery) -> dict[str, Any]:
    """The state in words, the links, the timeline and the request; the body only for users that may see cost."""
    attempts = list(reversed(delivery.attempts.order_by("-id")[:MAX_ATTEMPTS]))
    event = stored_events([delivery.event_id]).get(delivery.event_id)
    content: dict[str, Any] = {
        "state_in_words": state_in_words(delivery, attempts),
        "steps": steps_of(delivery, attempts),
        "links": links_of(request, delivery, event),
    }
    if event is None:
        return content
    body = body_of(event, delivery)
    content["sent"] = sent_headers(delivery, event, body, attempts)
    content["url"] = delivery.endpoint.url
    content["body"] = json_block(exact_json(body)) if sees_cost(request) else None
    return content


def steps_of(delivery: Delivery, attempts: Sequence[DeliveryAttempt]) -> list[Step]:
    """The attempts, oldest first."""
    return [
        Step(
            title=_("Attempt %(number)s") % {"number": number},
            at=moment(attempt.at),
            result=result_in_words(attempt),
            answer=attempt.answer,
            is_good=is_success(attempt.status),
        )
        for number, attempt in enumerate(attempts, start=1)
    ]


def links_of(request: HttpRequest, delivery: Delivery, event: StoredEvent | None) -> list[tuple[str, Any]]:
    """The names and pages of the endpoint, of the event and of what the event is about."""
    endpoint = reverse("admin:webhooks_webhookendpoint_change", args=[delivery.endpoint_id])
    links: list[tuple[str, Any]] = [(_("Endpoint"), link(endpoint, str(delivery.endpoint)))]
    if event is None:
        return [*links, (_("Event"), _("%(event)s, which is not kept any more") % {"event": delivery.event_public_id})]
    shown: Any = delivery.event_public_id
    if request.user.has_perm("events.view_event"):
        shown = link(reverse("admin:events_event_change", args=[event.id]), delivery.event_public_id)
    return [*links, (_("Event"), shown), (_("Is about"), subject_link(request, event.subject))]


def sent_headers(delivery: Delivery, event: StoredEvent, body: str, attempts: Sequence[DeliveryAttempt]) -> Table:
    """The headers of the last attempt; of extra headers, which may be secrets, the names alone."""
    endpoint = delivery.endpoint
    extra = dict.fromkeys(endpoint.header_values, MASK)
    at = attempts[-1].at if attempts else delivery.created_at
    headers = signed_headers(event, body, at=at, secrets=endpoint.valid_secrets, extra=extra)
    if not attempts:
        headers = {name: value for name, value in headers.items() if name not in OF_AN_ATTEMPT}
    return Table(
        title=_("Headers"),
        columns={_("Header"): KEY, _("Value"): TEXT},
        rows=list(headers.items()),
        note=_(
            "Timestamp and signature are those of the last attempt, signed with the present secret: if the secret was "
            "rotated since, the subscriber got another signature. Values of extra headers are never shown."
        )
        if attempts
        else _("Each attempt has its own timestamp and signature. Values of extra headers are never shown."),
    )
