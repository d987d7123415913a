"""Where and with which credentials the PMS of a connection is called."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, NewType

import orjson
from django.utils.translation import gettext as _

from pms_backend import outbound
from pms_backend.access.services import HIDDEN, FieldChange, changes_between
from pms_backend.api.exceptions import escape_pointer
from pms_backend.api.outbound_urls import check_outbound_url
from pms_backend.api.problems import FieldError
from pms_backend.api.transactions import retried_atomic
from pms_backend.outbound.circuit import Circuit
from pms_integration.connectors import outgoing_connector_of
from pms_integration.exceptions import InvalidBaseURL, InvalidCredentials
from pms_integration.models import MAX_BASE_URL_LENGTH, PMSConnection
from pms_integration.services.connections import record_change

MAX_CREDENTIAL_LENGTH: Final = 4_096
# What a header may have.
_CREDENTIAL: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")

# A base URL that `check_base_url` has returned.
BaseURL = NewType("BaseURL", str)


def check_base_url(url: str) -> BaseURL:
    """The URL without a slash at its end, after the guard's check, which must not be made in a transaction.

    Raises `InvalidBaseURL`, `OutboundForbidden`.
    """
    url = url.strip().rstrip("/")
    if len(url) > MAX_BASE_URL_LENGTH:
        raise _invalid_base_url(f"A base URL has at most {MAX_BASE_URL_LENGTH} characters.")
    if "?" in url or "#" in url:
        raise _invalid_base_url("A base URL has no query and no fragment.")
    check_outbound_url(url, pointer="/base_url")
    return BaseURL(url)


@retried_atomic
def set_outgoing(
    *, connection_id: int, base_url: BaseURL | None, credentials: Mapping[str, str | None] | None = None
) -> PMSConnection:
    """Sets where the PMS is called, None for a PMS that only sends webhooks.

    Credentials that are not given stay, those that are None are removed.

    With another origin the credentials are forgotten, so that nobody can have them sent elsewhere. With another URL the
    circuit is closed, and the PMS's clock is learnt again. Raises `InvalidBaseURL`, `InvalidCredentials`,
    `ConnectorMissing`.
    """
    connection, changes = change_outgoing(connection_id=connection_id, base_url=base_url, credentials=credentials)
    if changes:
        record_change("outgoing_set", connection, changes)
    return connection


def change_outgoing(
    *, connection_id: int, base_url: BaseURL | None, credentials: Mapping[str, str | None] | None = None
) -> tuple[PMSConnection, list[FieldChange]]:
    """What `set_outgoing` does, without its history; returns the changes too, without the values of credentials."""
    connection = PMSConnection.objects.select_for_update(no_key=True).get(pk=connection_id)
    connector = outgoing_connector_of(connection.kind)
    if base_url is not None and connector is None:
        raise _invalid_base_url(f"A PMS of the kind {connection.kind} only sends webhooks.")
    stored = connection.credential_values if _origin(base_url) == _origin(connection.base_url) else {}
    changes = credentials or {}
    given = {name: value for name, value in changes.items() if value is not None}
    _check(given, connector.credential_names if connector else ())
    kept = {name: value for name, value in stored.items() if name not in changes}
    values = {**kept, **given} if base_url is not None else {}
    changed = ["base_url", "credentials"]
    history = _changes(connection, base_url, values, given)
    if base_url != connection.base_url:
        closed = Circuit()
        connection.circuit, connection.failures = closed.status, closed.failures
        connection.next_try_at, connection.last_contact_at, connection.last_error = closed.next_try_at, None, ""
        connection.clock_offset = timedelta()
        changed += ["circuit", "failures", "next_try_at", "last_contact_at", "last_error", "clock_offset"]
    connection.base_url = base_url
    connection.credentials = orjson.dumps(values).decode() if values else None
    connection.save(update_fields=changed)
    return connection, history


def _changes(
    connection: PMSConnection, base_url: str | None, values: Mapping[str, str], given: Mapping[str, str]
) -> list[FieldChange]:
    before = connection.credential_values
    changes = changes_between({"base_url": connection.base_url}, {"base_url": base_url})
    for name in sorted(before.keys() | values.keys()):
        # One that is given is replaced, whatever its value is: whether it is the same one is a secret too.
        if name in given or (name in before) != (name in values):
            was, is_now = (HIDDEN if name in held else None for held in (before, values))
            changes.append(FieldChange(f"credentials.{name}", was, is_now))
    return changes


def _origin(url: str | None) -> tuple[str, str, int] | None:
    if url is None:
        return None
    target = outbound.parse_target(url)
    return target.url.scheme, target.host, target.port


def _check(credentials: Mapping[str, str], names: Sequence[str]) -> None:
    for name, value in credentials.items():
        detail = ""
        if name not in names:
            detail = _("%(name)s is not one of the credentials of this kind of PMS: %(names)s.") % {
                "name": name,
                "names": ", ".join(names) or _("none"),
            }
        elif len(value) > MAX_CREDENTIAL_LENGTH or not _CREDENTIAL.fullmatch(value):
            detail = _("%(name)s has 1 to %(max)s printable ASCII characters, without spaces around it.") % {
                "name": name,
                "max": MAX_CREDENTIAL_LENGTH,
            }
        if detail:
            pointer = f"/credentials/{escape_pointer(name)}"
            raise InvalidCredentials(detail, errors=[FieldError(pointer, InvalidCredentials.code, detail)])


def _invalid_base_url(detail: str) -> InvalidBaseURL:
    return InvalidBaseURL(detail, errors=[FieldError("/base_url", InvalidBaseURL.code, detail)])
