"""Work that beat asks for."""

from celery import shared_task

from pms_backend.access import services


@shared_task
def prune_nonces() -> None:
    """Forgets the nonces of old signatures."""
    services.prune_nonces()
