"""Work that beat asks for."""

from celery import shared_task

from pms_backend.access import services
from pms_backend.access.tokens import services as tokens


@shared_task
def prune_nonces() -> None:
    """Forgets the nonces of old signatures."""
    services.prune_nonces()


@shared_task
def prune_tickets() -> None:
    """Forgets tickets that nobody came with."""
    services.prune_tickets()


@shared_task
def flush_expired_tokens() -> int:
    """Forgets refresh tokens that have expired; returns how many rows went."""
    return tokens.flush_expired_tokens()
