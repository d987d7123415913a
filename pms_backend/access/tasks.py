"""Periodic tasks."""

from celery import shared_task

from pms_backend.access import services
from pms_backend.access.tokens import services as tokens
from pms_backend.api.task_limits import upkeep


@shared_task
@upkeep
def prune_nonces() -> int:
    """Deletes the nonces of expired signatures; returns how many."""
    return services.prune_nonces()


@shared_task
@upkeep
def prune_tickets() -> int:
    """Deletes expired tickets; returns how many."""
    return services.prune_tickets()


@shared_task
@upkeep
def prune_audit_log() -> int:
    """Removes entries older than the retention; returns how many."""
    return services.prune_audit_log()


@shared_task
@upkeep
def flush_expired_tokens() -> int:
    """Deletes expired refresh tokens; returns how many."""
    return tokens.flush_expired_tokens()
