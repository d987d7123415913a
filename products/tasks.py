"""The background tasks of the catalogue."""

from celery import shared_task

from pms_backend.api.task_limits import ConcurrencyLimit, upkeep
from products import services


@shared_task
@ConcurrencyLimit(1)
def publish_due() -> int:
    """Publishes and unpublishes due products."""
    return services.publish_due_products()


@shared_task
@ConcurrencyLimit(1)
def fetch_images() -> int:
    """Fetches due images that were given as URLs."""
    return services.fetch_due_images()


@shared_task
@ConcurrencyLimit(1)
def make_thumbnails() -> int:
    """Makes due thumbnails."""
    return services.make_due_thumbnails()


@shared_task
@upkeep
def sweep_unused_images() -> int:
    """Deletes content that no product shows."""
    return services.sweep_unused_images()


@shared_task
@upkeep
def sweep_stray_files() -> int:
    """Deletes files that no row names."""
    return services.sweep_stray_files()
