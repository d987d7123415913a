"""Applying what the PMS sent."""

from celery import shared_task

from pms_integration import services


@shared_task
def apply_pms_events() -> int:
    """Applies the PMS events that are due."""
    return services.apply_due_events()
