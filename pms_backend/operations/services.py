"""The writes of operations."""

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from pms_backend.operations.models import Heartbeat


def record_heartbeat(*, queue: str) -> None:
    """Says that the worker of `queue` is at work."""
    Heartbeat.objects.update_or_create(queue=queue, defaults={"beat_at": timezone.now()})


@transaction.atomic
def set_superuser_password(*, username: str, password: str) -> User:
    """Gives the superuser of this name a password; makes one where there is nobody of this name."""
    user = User.objects.select_for_update().filter(username=username).first()
    if user is None:
        return User.objects.create_superuser(username=username, password=password)
    user.set_password(password)
    user.is_active = user.is_staff = user.is_superuser = True
    user.save(update_fields=["password", "is_active", "is_staff", "is_superuser"])
    return user
