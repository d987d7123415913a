"""What the catalogue does in the background, or when its time has come."""

from celery import shared_task

from pms_backend.api.task_limits import ConcurrencyLimit, upkeep
from products import services


@shared_task
@ConcurrencyLimit(1)
def publish_due() -> int:
    """Publishes and unpublishes the products that are due."""
    return services.publish_due_products()


@shared_task
@ConcurrencyLimit(1)
def fetch_images() -> int:
    """Fetches the pictures that were given as URLs and are due."""
    return services.fetch_due_images()


@shared_task
@ConcurrencyLimit(1)
def make_thumbnails() -> int:
    """Makes the thumbnails that are due."""
    return services.make_due_thumbnails()


@shared_task
@upkeep
def sweep_unused_images() -> int:
    """Removes the content that no product shows any more."""
    return services.sweep_unused_images()


@shared_task
@upkeep
def sweep_stray_files() -> int:
    """Removes the files that no row names."""
    return services.sweep_stray_files()
