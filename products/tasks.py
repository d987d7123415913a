"""What the catalogue does when its time has come."""

from celery import shared_task

from products import services


@shared_task
def publish_due() -> int:
    """Publishes and unpublishes the products that are due."""
    return services.publish_due_products()
