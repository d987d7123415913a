"""Deliveries with attempts that nobody has made: only their rows."""

from collections.abc import Sequence
from datetime import datetime

from webhooks.models import Delivery, DeliveryAttempt, DeliveryStatus, WebhookEndpoint
from webhooks.schedule import is_success


def make_attempts(
    endpoint: WebhookEndpoint, at: datetime, attempts: Sequence[tuple[int | None, int]], *, event_id: int = 1
) -> Delivery:
    """A settled delivery with attempts made `at`, each a status (None without an answer) and milliseconds."""
    is_delivered = is_success(attempts[-1][0])
    delivery = Delivery.objects.create(
        endpoint=endpoint,
        event_id=event_id,
        type="product.updated",
        sequence=event_id,
        status=DeliveryStatus.DELIVERED if is_delivered else DeliveryStatus.FAILED,
        tries=len(attempts),
        next_attempt_at=None,
    )
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            delivery=delivery,
            endpoint=endpoint,
            at=at,
            status=status,
            ms=ms,
            answer="" if status is None else f"answer {status}",
            error="It hung up." if status is None else "",
        )
        for status, ms in attempts
    )
    return delivery
