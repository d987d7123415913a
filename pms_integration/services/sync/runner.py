"""Goes on with sync runs, one page or one batch after the other, until they end or another run gets its turn."""

import logging
import time
from datetime import timedelta

from pms_backend.api import context
from pms_integration.connectors.contract import ConnectorError, NotCalled
from pms_integration.exceptions import SyncLost
from pms_integration.models import SyncRun, SyncStage
from pms_integration.services.retries import pause_after_call
from pms_integration.services.sync.applying import apply_next
from pms_integration.services.sync.checking import check_run
from pms_integration.services.sync.leases import Lease, fail_run, lease_run, put_off, release
from pms_integration.services.sync.limits import MAX_FAILURES, MAX_WAIT_SECONDS, SLICE_SECONDS
from pms_integration.services.sync.listing import list_page
from pms_integration.services.sync.wake_up import sync_wake_up

logger = logging.getLogger(__name__)


def run_syncs() -> int:
    """Goes on with runs for `SLICE_SECONDS` at most; returns how many it has leased."""
    return sync_wake_up.drain(_run_next, seconds=SLICE_SECONDS)


def _run_next() -> bool:
    """Goes on with the next run. After an error of ours it is tried again when its lease ends, a few times."""
    try:
        lease = lease_run()
        if lease is None:
            return False
        run = SyncRun.objects.only("request_id").get(pk=lease.run_id)
        with context.bind(request_id=run.request_id or context.current().request_id):
            _run(lease)
    except SyncLost:
        logger.info("A sync run was cancelled, or leased by another worker")
    except Exception:
        logger.exception("A sync run could not go on")
    return True


def _run(lease: Lease) -> None:
    until = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < until:
        run = SyncRun.objects.select_related("connection").get(pk=lease.run_id)
        if run.is_over or run.status == "held":
            return
        if run.stage == SyncStage.LISTING:
            if not _list(lease, run):
                return
        elif run.stage == SyncStage.CHECKING:
            check_run(lease=lease)
        else:
            apply_next(lease, run)
    release(lease=lease)


def _list(lease: Lease, run: SyncRun) -> bool:
    """Lists the next page; returns whether the run goes on at once."""
    try:
        list_page(lease, run)
    except NotCalled as error:
        if error.permanent or error.retry_after is None:
            fail_run(lease=lease, reason=str(error))
        elif error.retry_after <= MAX_WAIT_SECONDS:
            time.sleep(error.retry_after)
            return True
        else:
            release(lease=lease, pause=timedelta(seconds=error.retry_after))
        return False
    except ConnectorError as error:
        pause = pause_after_call(error, failures=run.failures + 1)
        if pause is None:
            fail_run(lease=lease, reason=str(error))
        elif run.failures + 1 >= MAX_FAILURES:
            fail_run(lease=lease, reason=f"{MAX_FAILURES} calls in a row failed. {error}")
        else:
            put_off(lease=lease, pause=pause, error=str(error))
        return False
    return True
