"""What operations writes: heartbeats, a superuser's password, secrets under a new key, a file to try the storage."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, models, transaction
from django.db.models.functions import Cast

from pms_backend.access.encryption import EncryptedTextField, decrypt, is_by_first_key
from pms_backend.events import services as events
from pms_backend.operations.heartbeats import MAX_AGE_SECONDS
from webhooks import services as webhooks

_RECORD_HEARTBEAT: Final = """
INSERT INTO operations_heartbeat AS last (name, beat_at, steady_since)
VALUES (%s, statement_timestamp(), statement_timestamp())
ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at, steady_since = CASE
    WHEN last.beat_at < excluded.beat_at - %s * interval '1 second' THEN excluded.beat_at
    ELSE last.steady_since END
"""


def record_heartbeat(*, name: str) -> None:
    """Records that beat, or the worker of the queue `name`, works."""
    with connection.cursor() as cursor:
        cursor.execute(_RECORD_HEARTBEAT, [name, MAX_AGE_SECONDS])


def try_storage() -> None:
    """Writes a file to the storage of uploaded files and deletes it. Raises what the storage raises."""
    default_storage.delete(default_storage.save(f"health/{uuid.uuid4().hex}", ContentFile(b"")))


@transaction.atomic
def set_superuser_password(*, username: str, password: str) -> User:
    """Sets the password of the user with this name and makes it a superuser; creates it if it does not exist."""
    user = User.objects.select_for_update().filter(username=username).first()
    if user is None:
        return User.objects.create_superuser(username=username, password=password)
    user.set_password(password)
    user.is_active = user.is_staff = user.is_superuser = True
    user.save(update_fields=["password", "is_active", "is_staff", "is_superuser"])
    return user


@dataclass(slots=True)
class Rotation:
    """The counts of one encrypted column's values; no key decrypts those that are `unreadable`."""

    column: str
    rotated: int = 0
    current: int = 0
    changed_meanwhile: int = 0
    unreadable: int = 0


def rotate_field_keys(*, batch_size: int = 500) -> list[Rotation]:
    """Encrypts every `EncryptedTextField` of every model anew, with the first of FIELD_ENCRYPTION_KEYS.

    Each value is updated by a statement of its own, only if it is still what was read: a value that another writes
    meanwhile has the first key already. So this may run while the system is in use, be ended at any time, and be run
    again.
    """
    return [_rotate(model, field, batch_size) for model in apps.get_models() for field in _encrypted(model)]


def _encrypted(model: type[models.Model]) -> list[Any]:
    # Only local fields: a proxy and a child of a model would give the parent's fields again.
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
    """Yields primary key and ciphertext of every row that has one, read in batches: without a cursor or a lock."""
    page = rows.filter(stored_value__isnull=False).order_by("pk").values_list("pk", "stored_value")
    batch = list(page[:batch_size])
    while batch:
        yield from batch
        batch = list(page.filter(pk__gt=batch[-1][0])[:batch_size])


@transaction.atomic
def continue_after_restore(*, skipped: int) -> int:
    """Makes every reader of the feed, socket and subscriber begin anew; returns the sequence at which they may.

    `skipped` is more than the numbers, of events or rows of a table, that were given out after the backup.
    """
    sequence = events.skip_after_restore(count=skipped)
    webhooks.forget_last_sequences(sequence=sequence)
    return sequence
