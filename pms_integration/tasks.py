"""Applying what the PMS sent, and importing files."""

from celery import shared_task

from pms_backend.api.task_limits import ConcurrencyLimit, upkeep
from pms_integration import services
from pms_integration.files import runner
from pms_integration.files import services as imports


@shared_task
@ConcurrencyLimit(1)  # so that of an event that kills its process no other is suspected
def apply_pms_events() -> int:
    """Applies the PMS events that are due."""
    return services.apply_due_events()


@shared_task
@ConcurrencyLimit(2)
def run_imports() -> int:
    """Works on the imports that nobody works on."""
    return runner.run_imports()


@shared_task
@upkeep
def prune_event_bodies() -> int:
    """Forgets what old webhooks said; returns how many."""
    return services.prune_event_bodies()


@shared_task
@upkeep
def prune_import_files() -> int:
    """Removes the files of imports that are long over."""
    return imports.prune_import_files()
