"""Writes of endpoints: made, changed, given another secret, tried, disabled and enabled again."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NewType

import orjson
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from pms_backend.access.services import HIDDEN, FieldChange, changes_between, record_audit, values_of
from pms_backend.api.exceptions import escape_pointer
from pms_backend.api.outbound_urls import check_outbound_url
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_backend.events import services as outbox
from pms_backend.events.domain_events import event_types
from pms_backend.events.models import FeedHead, head_sequence
from pms_integration.services.connections import new_secret
from webhooks.events import EndpointDisabled, WebhookTest
from webhooks.exceptions import EndpointIsDisabled, InvalidEndpointURL, InvalidEventType, InvalidHeaders
from webhooks.models import MAX_URL_LENGTH, SWITCHED_OFF, DeliveryStatus, WebhookEndpoint, unsettled
from webhooks.services.replaying import replay_after
from webhooks.services.wake_up import delivery_wake_up

# How long the secret before the last rotation signs too, so that the subscriber can be updated meanwhile.
PREVIOUS_SECRET_VALID_FOR: Final = timedelta(hours=24)
MAX_HEADERS: Final = 20
MAX_HEADER_LENGTH: Final = 4_096
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# For the history.
_SHOWN: Final = ("url", "description", "event_types", "is_active")
# What we send ourselves, or what frames the message.
_OURS: Final = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent", "accept-encoding"}
    | {"te", "trailer", "upgrade", "expect", "keep-alive", "proxy-connection", "x-request-id"}
)

# A URL that `check_endpoint_url` has returned.
EndpointURL = NewType("EndpointURL", str)


def check_endpoint_url(url: str) -> EndpointURL:
    """The URL, after the guard's check, which must not be made in a transaction.

    Raises `InvalidEndpointURL`, `OutboundForbidden`.
    """
    url = url.strip()
    if len(url) > MAX_URL_LENGTH or "#" in url:
        detail = _("A URL has at most %(count)s characters, and no fragment.") % {"count": MAX_URL_LENGTH}
        raise InvalidEndpointURL(detail, errors=[FieldError("/url", InvalidEndpointURL.code, detail)])
    check_outbound_url(url, pointer="/url")
    return EndpointURL(url)


@retried_atomic
def create_endpoint(
    *,
    url: EndpointURL,
    event_types: Sequence[str],
    owner: str = "",
    description: str = "",
    headers: Mapping[str, str | None] | None = None,
    is_active: bool = True,
) -> WebhookEndpoint:
    """Makes an endpoint, with a secret, that gets the events from now on.

    Raises `InvalidEventType`, `InvalidHeaders`.
    """
    endpoint = WebhookEndpoint(
        owner=owner, url=url, description=description, event_types=_checked_types(event_types), secret=new_secret()
    )
    _set_headers(endpoint, headers or {})
    endpoint.save(force_insert=True)
    if not is_active:
        switch_off(endpoint, SWITCHED_OFF)
    _audit("created", endpoint, url=url, event_types=endpoint.event_types)
    return endpoint


@retried_atomic
def update_endpoint(*, endpoint_id: int, values: Mapping[str, Any]) -> WebhookEndpoint:
    """Changes what `values` has: `url` (as `check_endpoint_url` returns it), `description`, `event_types`, `headers`
    (a member that is None is removed, None removes all), `is_active`.

    With another URL the extra headers are forgotten, so that nobody can have them sent elsewhere. Raises
    `WebhookEndpoint.DoesNotExist`, `InvalidEventType`, `InvalidHeaders`.
    """
    endpoint = locked(endpoint_id)
    before, headers_before = values_of(endpoint, _SHOWN), endpoint.header_values
    if "event_types" in values:
        endpoint.event_types = _checked_types(values["event_types"])
    endpoint.description = values.get("description", endpoint.description)
    if values.get("url", endpoint.url) != endpoint.url:
        endpoint.url, endpoint.headers = values["url"], None
        make_healthy(endpoint)
    if "headers" in values:
        _set_headers(endpoint, values["headers"])
    endpoint.save()
    if values.get("is_active", endpoint.is_active) != endpoint.is_active:
        _enable(endpoint) if values["is_active"] else switch_off(endpoint, SWITCHED_OFF)
    changes = changes_between(before, values_of(endpoint, _SHOWN))
    changes += _changes_of_headers(headers_before, endpoint.header_values, values.get("headers") or {})
    if before["is_active"] != endpoint.is_active:
        _audit("enabled" if endpoint.is_active else "disabled", endpoint, changes)
    elif changes:
        _audit("updated", endpoint, changes)
    return endpoint


@retried_atomic
def delete_endpoint(*, endpoint_id: int) -> None:
    """Deletes an endpoint with its deliveries. Raises `WebhookEndpoint.DoesNotExist`.

    Locks the head of the feed in the end, so that no relay makes deliveries to it meanwhile.
    """
    endpoint = locked(endpoint_id)
    _audit("deleted", endpoint, url=endpoint.url)
    with connection.cursor() as cursor:
        # Django's own delete() would read each of them first.
        cursor.execute("DELETE FROM webhooks_delivery WHERE endpoint_id = %s", [endpoint_id])
        # Afterwards: until the deliveries are gone, a worker may log one more. Foreign keys are checked at the commit.
        cursor.execute("DELETE FROM webhooks_deliveryattempt WHERE endpoint_id = %s", [endpoint_id])
    FeedHead.objects.select_for_update(no_key=True).first()
    endpoint.delete()


@retried_atomic
def rotate_secret(*, endpoint_id: int, at_once: bool = False) -> str:
    """Gives the endpoint a new secret and returns it; both sign for `PREVIOUS_SECRET_VALID_FOR`, unless `at_once`.

    Raises `WebhookEndpoint.DoesNotExist`.
    """
    endpoint = locked(endpoint_id)
    endpoint.previous_secret = None if at_once else endpoint.secret
    endpoint.previous_secret_until = None if at_once else timezone.now() + PREVIOUS_SECRET_VALID_FOR
    secret = endpoint.secret = new_secret()
    endpoint.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    _audit("secret_rotated", endpoint, at_once=at_once)
    return secret


@retried_atomic
def send_test(*, endpoint_id: int) -> None:
    """Announces a `webhook.test`, which this endpoint alone gets.

    Raises `WebhookEndpoint.DoesNotExist`, `EndpointIsDisabled`.
    """
    endpoint = locked(endpoint_id)
    require_active(endpoint)
    outbox.record(WebhookTest(id=endpoint.pk, owner=endpoint.owner))
    _audit("tested", endpoint)


@retried_atomic
def enable_endpoint(*, endpoint_id: int, replay: bool = False) -> WebhookEndpoint:
    """Lets an endpoint get events again; with `replay` also those since it was disabled, in order.

    Raises `WebhookEndpoint.DoesNotExist`, and `SequenceExpired` if some of these are not kept any more.
    """
    endpoint = locked(endpoint_id)
    resume_after = endpoint.resume_after
    if not endpoint.is_active:
        _enable(endpoint)
        _audit("enabled", endpoint, [FieldChange("is_active", before=False, after=True)])
    if replay and resume_after is not None:
        replay_after(endpoint, resume_after)
    return endpoint


def locked(endpoint_id: int) -> WebhookEndpoint:
    """The endpoint, locked. Raises `WebhookEndpoint.DoesNotExist`."""
    return WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)


def require_active(endpoint: WebhookEndpoint) -> None:
    """Raises `EndpointIsDisabled`."""
    if not endpoint.is_active:
        raise EndpointIsDisabled(_("The endpoint %(id)s is disabled: enable it first.") % {"id": endpoint.pk})


def disable(endpoint: WebhookEndpoint, reason: str) -> None:
    """Disables a locked endpoint, and cancels what was to be sent; the sequence up to which it has all is kept."""
    switch_off(endpoint, reason)
    _audit("disabled", endpoint, [FieldChange("is_active", before=True, after=False)], reason=reason)


def switch_off(endpoint: WebhookEndpoint, reason: str) -> None:
    """What `disable` does, without its history."""
    # Read first: what is published from now on is missing.
    head = head_sequence()
    first = unsettled(endpoint=endpoint).order_by("sequence").values_list("sequence", flat=True).first()
    endpoint.is_active, endpoint.disabled_at, endpoint.disabled_reason = False, timezone.now(), reason
    # What has failed for good since the last success is as little there as what is still to be sent.
    missing = [sequence for sequence in (first, endpoint.failed_from) if sequence is not None]
    endpoint.resume_after = min(missing) - 1 if missing else head
    endpoint.save()
    unsettled(endpoint=endpoint).update(status=DeliveryStatus.CANCELLED, next_attempt_at=None)
    outbox.record(
        EndpointDisabled(id=endpoint.pk, owner=endpoint.owner, reason=reason, resume_after=endpoint.resume_after)
    )


def _enable(endpoint: WebhookEndpoint) -> None:
    endpoint.is_active, endpoint.disabled_at, endpoint.disabled_reason = True, None, ""
    endpoint.resume_after = None
    make_healthy(endpoint)
    endpoint.save()
    delivery_wake_up.send_after_commit()


def make_healthy(endpoint: WebhookEndpoint) -> None:
    """Forgets the failures of an endpoint, in memory."""
    endpoint.failures = endpoint.warned_days = 0
    endpoint.next_try_at = endpoint.failing_since = endpoint.last_failure_at = endpoint.failed_from = None


def _checked_types(patterns: Sequence[str]) -> list[str]:
    known = event_types()
    for index, pattern in enumerate(patterns):
        beginning = pattern.removesuffix("*")
        matches = [kind for kind in known if (kind.startswith(beginning) if pattern.endswith("*") else kind == pattern)]
        if not matches:
            detail = _("There is no event type %(type)s.") % {"type": pattern}
            raise InvalidEventType(detail, errors=[FieldError(f"/event_types/{index}", InvalidEventType.code, detail)])
    return list(dict.fromkeys(patterns))


def _set_headers(endpoint: WebhookEndpoint, changes: Mapping[str, str | None] | None) -> None:
    if changes is None:
        endpoint.headers = None
        return
    for name, value in changes.items():
        detail = _header_problem(name, value)
        if detail:
            pointer = f"/headers/{escape_pointer(name)}"
            raise InvalidHeaders(detail, errors=[FieldError(pointer, InvalidHeaders.code, detail)])
    kept = {name: value for name, value in endpoint.header_values.items() if name.lower() not in _lowered(changes)}
    values = {**kept, **{name: value for name, value in changes.items() if value is not None}}
    if len(_lowered(values)) < len(values) or len(values) > MAX_HEADERS:
        detail = _("An endpoint has at most %(count)s headers, each once.") % {"count": MAX_HEADERS}
        raise InvalidHeaders(detail, errors=[FieldError("/headers", InvalidHeaders.code, detail)])
    endpoint.headers = orjson.dumps(values).decode() if values else None


def _header_problem(name: str, value: str | None) -> str:
    if not _HEADER_NAME.fullmatch(name):
        return _("This is no name of a header.")
    if name.lower() in _OURS or name.lower().startswith("webhook-"):
        return _("The header %(name)s is sent by us.") % {"name": name}
    if value is not None and (len(value) > MAX_HEADER_LENGTH or not _HEADER_VALUE.fullmatch(value)):
        text = _("A header has 1 to %(count)s printable ASCII characters, without spaces around it.")
        return text % {"count": MAX_HEADER_LENGTH}
    return ""


def _lowered(headers: Mapping[str, Any]) -> set[str]:
    return {name.lower() for name in headers}


def _changes_of_headers(
    before: Mapping[str, str], after: Mapping[str, str], given: Mapping[str, str | None]
) -> list[FieldChange]:
    """Without their values, which may be secrets. Whether a value that is given is the same one is a secret too."""
    return [
        FieldChange(f"headers.{name}", *(HIDDEN if name in headers else None for headers in (before, after)))
        for name in sorted(before.keys() | after.keys())
        if name in given or (name in before) != (name in after)
    ]


def _audit(what: str, endpoint: WebhookEndpoint, changes: Sequence[FieldChange] = (), **detail: Any) -> None:
    record_audit(
        action=f"webhook_endpoint.{what}",
        subject=f"endpoint:{endpoint.pk}",
        name=endpoint.description or endpoint.url,
        changes=changes,
        **detail,
    )
