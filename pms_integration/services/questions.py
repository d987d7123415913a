"""What people ask a PMS for through us: whether it answers, and which locations it has. Never in a transaction."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from pms_backend.api.storable_text import storable
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import Capabilities, ConnectorError, NotCalled
from pms_integration.connectors.outgoing import ExternalLocation, OutgoingConnector, PMSClient
from pms_integration.exceptions import PMSBusy, PMSNotCalled, PMSUnavailable
from pms_integration.models import MAX_EXTERNAL_ID_LENGTH, PMSConnection
from pms_integration.services.calls import call_pms

MAX_DETAIL_LENGTH: Final = 1_000
# So many PMSs are asked at a time in a process, and each by one thread: one that does not answer holds its thread for
# 15 s, and of a web process's four (WEB_THREADS) some must be left for webhooks and for other requests.
MAX_ASKED_AT_ONCE: Final = 2

_asked: set[int] = set()
_asked_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionCheck:
    """Whether the PMS answers; `detail` is its name, or what is wrong. `capabilities` are those of its kind.

    `webhooks` is `unsupported` too if the PMS did not answer.
    """

    ok: bool
    detail: str
    capabilities: dict[str, Any] | None
    webhooks: Literal["ok", "missing", "unsupported"]
    ms: int


def check_connection(*, slug: str, webhook_url: str) -> ConnectionCheck:
    """Calls the PMS, and lets it send its webhooks to `webhook_url` where its kind can subscribe to them.

    Raises `PMSConnection.DoesNotExist`, `PMSBusy`, and nothing where the PMS fails.
    """
    connection = PMSConnection.objects.get(slug=slug)
    connector = CONNECTORS.get(connection.kind)
    webhooks: Literal["ok", "missing", "unsupported"] = "unsupported"

    def ask(connector: OutgoingConnector, client: PMSClient) -> tuple[str, Literal["ok", "missing", "unsupported"]]:
        name = connector.check(client)
        return name, connector.ensure_webhooks(client, webhook_url, connection.secret)

    started = time.monotonic()
    try:
        with _asking(connection):
            name, webhooks = call_pms(connection_id=connection.pk, operation=ask)
    except ConnectorError as error:
        ok, detail = False, str(error)
    else:
        ok, detail = True, name
    return ConnectionCheck(
        ok=ok,
        detail=storable(detail)[:MAX_DETAIL_LENGTH],
        capabilities=_as_json(connector.capabilities) if connector else None,
        webhooks=webhooks,
        ms=round((time.monotonic() - started) * 1_000),
    )


def ask_for_locations(*, slug: str) -> Sequence[ExternalLocation] | None:
    """The locations that the PMS lists; None where it has no such list.

    Raises `PMSConnection.DoesNotExist`, `PMSBusy`, `PMSNotCalled`, `PMSUnavailable`.
    """
    connection = PMSConnection.objects.get(slug=slug)
    try:
        with _asking(connection):
            listed = call_pms(
                connection_id=connection.pk, operation=lambda connector, client: connector.list_locations(client)
            )
    except ConnectorError as error:
        detail = storable(str(error))[:MAX_DETAIL_LENGTH]
        if isinstance(error, NotCalled) and error.permanent:
            raise PMSNotCalled(detail) from None
        raise PMSUnavailable(detail) from None
    if listed is None:
        return None
    # An id that cannot be stored cannot be mapped.
    return [
        ExternalLocation(external_id=location.external_id, name=storable(location.name)[:MAX_DETAIL_LENGTH])
        for location in listed
        if len(location.external_id) <= MAX_EXTERNAL_ID_LENGTH
        and storable(location.external_id) == location.external_id
    ]


@contextmanager
def _asking(connection: PMSConnection) -> Iterator[None]:
    """Holds one of the places in this process to ask a PMS. Raises `PMSBusy` if there is none."""
    with _asked_lock:
        if connection.pk in _asked:
            raise PMSBusy(
                _("The PMS %(slug)s is being asked already, and has not answered yet.") % {"slug": connection.slug}
            )
        if len(_asked) >= MAX_ASKED_AT_ONCE:
            raise PMSBusy(_("Other PMSs are being asked, and have not answered yet."))
        _asked.add(connection.pk)
    try:
        yield
    finally:
        with _asked_lock:
            _asked.remove(connection.pk)


def _as_json(capabilities: Capabilities) -> dict[str, Any]:
    values = asdict(capabilities)
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}
