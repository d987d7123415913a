"""The writes of operations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction
from django.db.models.functions import Cast
from django.utils import timezone

from pms_backend.access.encryption import EncryptedTextField, decrypt, is_by_first_key
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


@dataclass(slots=True)
class Rotation:
    """What became of the values of one encrypted column; `unreadable` are those that none of the keys fits."""

    column: str
    rotated: int = 0
    current: int = 0
    changed_meanwhile: int = 0
    unreadable: int = 0


def rotate_field_keys(*, batch_size: int = 500) -> list[Rotation]:
    """Encrypts every `EncryptedTextField` of every model anew, with the first of FIELD_ENCRYPTION_KEYS.

    Each value is a statement of its own, which compares what was read: a value that somebody writes meanwhile (with the
    first key, as everybody does) stays as it is. So it may run beside everything else, be ended anywhere, and be run
    again: what is done already is left alone.
    """
    return [_rotate(model, field, batch_size) for model in apps.get_models() for field in _encrypted(model)]


def _encrypted(model: type[models.Model]) -> list[Any]:
    # A proxy's and an inherited field stand in their own model.
    return [field for field in model._meta.local_concrete_fields if isinstance(field, EncryptedTextField)]


def _rotate(model: type[models.Model], field: Any, batch_size: int) -> Rotation:
    done = Rotation(f"{model._meta.label}.{field.name}")
    rows = model._base_manager.annotate(stored_value=Cast(field.name, models.TextField()))
    for key, stored in _values(rows, batch_size):
        if is_by_first_key(stored):
            done.current += 1
            continue
        try:
            value = decrypt(stored)
        except ImproperlyConfigured:
            done.unreadable += 1
            continue
        if rows.filter(pk=key, stored_value=stored).update(**{field.name: value}):
            done.rotated += 1
        else:
            done.changed_meanwhile += 1
    return done


def _values(rows: Any, batch_size: int) -> Iterator[tuple[Any, str]]:
    """Key and ciphertext of every row that has one, read by key, a batch at a time: no cursor, no lock."""
    page = rows.filter(stored_value__isnull=False).order_by("pk").values_list("pk", "stored_value")
    batch = list(page[:batch_size])
    while batch:
        yield from batch
        batch = list(page.filter(pk__gt=batch[-1][0])[:batch_size])
