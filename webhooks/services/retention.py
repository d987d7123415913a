"""Pruning of old deliveries."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from pms_backend.api import batches
from webhooks.models import UNSETTLED, Delivery, DeliveryAttempt


def prune_deliveries() -> int:
    """Removes deliveries that were made `DELIVERY_RETENTION_DAYS` ago, with their attempts; returns how many.

    What is still to be sent stays.
    """
    return batches.prune(_prune_batch)


@transaction.atomic
def _prune_batch() -> int:
    until = timezone.now() - timedelta(days=settings.DELIVERY_RETENTION_DAYS)
    old = Delivery.objects.filter(created_at__lt=until).exclude(status__in=UNSETTLED)
    # One that is sent again meanwhile is locked, and stays.
    oldest = old.order_by("created_at").select_for_update(skip_locked=True)
    ids = list(oldest.values_list("pk", flat=True)[: batches.PRUNE_BATCH_SIZE])
    DeliveryAttempt.objects.filter(delivery__in=ids).delete()
    return Delivery.objects.filter(pk__in=ids).delete()[0]
