"""A nightly look at what differs between PMSs and us, although nothing is on its way."""

import logging
from contextlib import suppress

from pms_integration.exceptions import PMSNotCalled, SyncRunning
from pms_integration.models import PMSConnection, SyncMode
from pms_integration.queries import count_differing
from pms_integration.services.sync.runs import start_sync

logger = logging.getLogger(__name__)


def look_for_drift() -> int:
    """Starts a dry run of each PMS that is called, whose differences say what differs; returns how many.

    Logs an error for each PMS whose stock differs from ours where no push that is pending explains it.
    """
    for slug, count in count_differing().items():
        if count:
            logger.error("Levels whose stock differs from that of the PMS %s, and no push explains it: %s", slug, count)
    started = 0
    called = PMSConnection.objects.filter(is_active=True, base_url__isnull=False).order_by("slug")
    for slug in called.values_list("slug", flat=True):
        # A run that has not ended will say what differs, or the next night's.
        with suppress(SyncRunning, PMSNotCalled):
            start_sync(slug=slug, mode=SyncMode.FULL, dry_run=True)
            started += 1
    return started
