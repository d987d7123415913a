"""What is cleared away in access."""

from celery import shared_task

from pms_backend.access.tokens import services


@shared_task
def flush_expired_tokens() -> int:
    """Forgets refresh tokens that have expired."""
    return services.flush_expired_tokens()
