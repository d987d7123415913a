"""The relay's task; its queue has a worker of its own, with one process."""

from celery import shared_task

from pms_backend.events import services


@shared_task
def relay_events() -> int:
    """Publishes what is recorded."""
    return services.relay_pending()
