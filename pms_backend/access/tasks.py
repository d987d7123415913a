"""Work that beat asks for."""

from celery import shared_task

from pms_backend.access import services
from pms_backend.access.tokens import services as tokens
from pms_backend.api.task_limits import upkeep


@shared_task
@upkeep
def prune_nonces() -> int:
    """Forgets the nonces of old signatures; returns how many."""
    return services.prune_nonces()


@shared_task
@upkeep
def prune_tickets() -> int:
    """Forgets tickets that nobody came with; returns how many."""
    return services.prune_tickets()


@shared_task
@upkeep
def prune_audit_log() -> int:
    """Removes what is older than the retention; returns how many rows went."""
    return services.prune_audit_log()


@shared_task
@upkeep
def flush_expired_tokens() -> int:
    """Forgets refresh tokens that have expired; returns how many rows went."""
    return tokens.flush_expired_tokens()
