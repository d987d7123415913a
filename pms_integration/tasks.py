"""Tasks that apply PMS events, ask a PMS, run imports, and prune."""

from celery import shared_task

from pms_backend.api.task_limits import ConcurrencyLimit, upkeep
from pms_integration import services
from pms_integration.files import runner
from pms_integration.files import services as imports


@shared_task
@ConcurrencyLimit(1)  # so that a crash of the process counts for one event only
def apply_pms_events() -> int:
    """Applies due PMS events; returns how many."""
    return services.apply_due_events()


@shared_task
@ConcurrencyLimit(4)  # each asks another PMS, so that one that hangs does not stop the others
def ask_refetches() -> int:
    """Asks for what a PMS only said has changed; returns for how many resources."""
    return services.ask_due_refetches()


@shared_task
@ConcurrencyLimit(2)
def run_imports() -> int:
    """Runs waiting imports; returns how many it leased."""
    return runner.run_imports()


@shared_task
@upkeep
def prune_event_bodies() -> int:
    """Empties the bodies of old PMS events; returns how many."""
    return services.prune_event_bodies()


@shared_task
@upkeep
def prune_import_files() -> int:
    """Removes the files of old imports; returns how many."""
    return imports.prune_import_files()


@shared_task
@ConcurrencyLimit(4)
def run_syncs() -> int:
    """Goes on with sync runs; returns how many it leased."""
    return services.run_syncs()


@shared_task
@upkeep
def start_due_syncs() -> int:
    """Starts the sync runs of connections whose interval has passed; returns how many."""
    return services.start_due_syncs()


@shared_task
@upkeep
def prune_sync_differences() -> int:
    """Removes the differences of old sync runs; returns how many."""
    return services.prune_differences()


@shared_task
@ConcurrencyLimit(2)
def push_stock() -> int:
    """Sends pushes of stock; returns how many."""
    return services.push_due_stock()


@shared_task
@ConcurrencyLimit(4)  # each writes to another PMS, so that one that hangs does not stop the others
def push_products() -> int:
    """Sends pushes of products; returns how many."""
    return services.push_due_products()


@shared_task
@upkeep
def look_for_drift() -> int:
    """Looks for stock and products that differ although nothing is on its way; returns how many dry runs it started."""
    return services.look_for_drift()
