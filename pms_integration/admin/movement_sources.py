"""What a movement's source names: the page of the webhook, the sync run or the push that made the movement."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _

from pms_integration.models import PMSConnection, PMSEvent, PMSStockPush, SyncRun

# `connection:name:line`, and what was done for the same report besides. The name of a webhook is the PMS's.
_SOURCE: Final = re.compile(r"(?P<connection>[^:]+):(?P<name>.+):[0-9]+(:[a-z]+)?", re.DOTALL)
_RUN: Final = re.compile(r"sync-run-([0-9]{1,18})")
_PUSH: Final = re.compile(r"push-([0-9]{1,18})")
_OWNERSHIP: Final = re.compile(r"ownership-.*", re.DOTALL)
_REFETCH: Final = re.compile(r"refetch-[0-9]+-([0-9]{8})T([0-9]{6})\..*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a source leads: to a page, or to these words and the page of the connection."""

    page: str = ""
    words: str = ""
    connection: PMSConnection | None = None


def origin_of(source: str) -> Origin:
    """What the source names."""
    match = _SOURCE.fullmatch(source)
    connection = PMSConnection.objects.filter(slug=match["connection"]).first() if match else None
    if match is None or connection is None:
        return Origin(words=_("Nothing is known of “%(source)s” here.") % {"source": source})
    name = match["name"]
    # First, because a PMS may give its webhooks any name.
    event = PMSEvent.objects.filter(connection=connection, webhook_id=name).values_list("pk", flat=True).first()
    if event is not None:
        return Origin(_page("pmsevent", event))
    for pattern, find in _OTHERS:
        if found := pattern.fullmatch(name):
            return find(connection, found)
    words = _("The webhook %(name)s is not kept any more. The movement stays, with what it has changed.")
    return Origin(words=words % {"name": name}, connection=connection)


def _run(connection: PMSConnection, found: re.Match[str]) -> Origin:
    return _row(SyncRun, connection, found, _("Sync run %(number)s is not kept any more."))


def _push(connection: PMSConnection, found: re.Match[str]) -> Origin:
    return _row(PMSStockPush, connection, found, _("Stock push %(number)s is not kept any more."))


def _row(model: Any, connection: PMSConnection, found: re.Match[str], gone: str) -> Origin:
    number = int(found[1])
    if model.objects.filter(pk=number, connection=connection).exists():
        return Origin(_page(model._meta.model_name, number))
    return Origin(words=gone % {"number": number}, connection=connection)


def _refetch(connection: PMSConnection, found: re.Match[str]) -> Origin:
    day, time = found[1], found[2]
    moment = f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}:{time[4:]} UTC"
    words = _("The PMS %(connection)s was asked for its stock, and has answered at %(moment)s. Answers are not kept.")
    return Origin(words=words % {"connection": connection, "moment": moment}, connection=connection)


def _ownership(connection: PMSConnection, found: re.Match[str]) -> Origin:
    words = _("The owner of the location's stock was changed, and the figures of %(connection)s were taken.")
    return Origin(words=words % {"connection": connection}, connection=connection)


_OTHERS: Final[tuple[tuple[re.Pattern[str], Callable[[PMSConnection, re.Match[str]], Origin]], ...]] = (
    (_RUN, _run),
    (_PUSH, _push),
    (_REFETCH, _refetch),
    (_OWNERSHIP, _ownership),
)


def _page(model: str, key: int) -> str:
    return reverse(f"admin:pms_integration_{model}_change", args=[key])
