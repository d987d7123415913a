"""Every alert that there is. docs/operations.md has a section for each: what it means, how to check it, what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Two polls: one failure alone is no outage.
HELD: Final = timedelta(seconds=1)
AT_ONCE: Final = timedelta()
# It refuses connections while it is restarted, which takes some seconds.
RESTARTS: Final = timedelta(seconds=4)
# Before the number of an endpoint where the subject may be a PMS too, whose slug has no space.
ENDPOINT: Final = "endpoint "


@dataclass(frozen=True, slots=True)
class Kind:
    """What an alert says, for a warning too, and for how long its condition holds before it opens."""

    what: "StrOrPromise"
    opens_after: timedelta = HELD


# The checks of `/health/ready`, then conditions of the business.
KINDS: Final[Mapping[str, Kind]] = {
    "database": Kind(_("PostgreSQL has failed")),
    "redis": Kind(_("Redis has failed"), RESTARTS),
    "migrations": Kind(_("Migrations are not applied")),
    "worker": Kind(_("A worker has failed")),
    "relay": Kind(_("The relay has failed or is late")),
    "beat": Kind(_("Beat has failed")),
    "sockets": Kind(_("The socket server has failed"), RESTARTS),
    "storage": Kind(_("The storage of files does not work")),
    "inbox": Kind(_("PMS events are applied late")),
    "deliveries": Kind(_("Webhooks are sent late")),
    "imports": Kind(_("Imports wait")),
    "circuits": Kind(_("A PMS or an endpoint cannot be reached"), AT_ONCE),
    "monitor": Kind(_("The monitor has failed")),
    "server_errors": Kind(_("Requests or tasks fail with internal errors"), AT_ONCE),
    "parked_events": Kind(_("Events are parked"), AT_ONCE),
    "dead_pms_events": Kind(_("PMS events cannot be applied"), AT_ONCE),
    "failing_endpoints": Kind(_("A webhook endpoint fails"), AT_ONCE),
    "failed_syncs": Kind(_("A sync run is held or has failed"), AT_ONCE),
    # Between a push and its acknowledgement, levels differ for a moment.
    "stock_differences": Kind(_("Stock differs from that of a PMS"), timedelta(minutes=2)),
}


def what_of(name: str) -> "StrOrPromise":
    """What an alert of this name says; the name itself for one of an older version."""
    return KINDS[name].what if name in KINDS else name
