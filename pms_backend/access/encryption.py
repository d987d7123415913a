"""Encryption of secrets in the database."""

import functools
from collections.abc import Sequence
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@functools.lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    form = "FIELD_ENCRYPTION_KEYS must be a comma-separated list of Fernet keys (32 bytes, URL-safe base64)"
    if not keys:
        raise ImproperlyConfigured(f"{form}; it is not set.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ImproperlyConfigured(f"{form}.") from None


def check_keys() -> None:
    """Raises `ImproperlyConfigured` where FIELD_ENCRYPTION_KEYS cannot be used."""
    _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))


def decrypt(stored: str) -> str:
    """The decrypted text. Raises `ImproperlyConfigured` where no key of FIELD_ENCRYPTION_KEYS decrypts it."""
    try:
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(stored).decode()
    except InvalidToken:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS holds none of the keys that encrypted this value.") from None


def is_by_first_key(stored: str) -> bool:
    """Whether the first key of FIELD_ENCRYPTION_KEYS decrypts the stored value."""
    try:
        _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS[:1])).decrypt(stored)
    except InvalidToken:
        return False
    return True


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # not generic at run time
    """Text that is encrypted in the database by the first of FIELD_ENCRYPTION_KEYS and read with any of them."""

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """A migration describes the column, which is text, and imports no code of ours."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.TextField", arguments, options

    def get_prep_value(self, value: Any) -> str | None:
        """The encrypted text for the column."""
        if value is None:
            return None
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """The decrypted text. Raises `ImproperlyConfigured` where no key of FIELD_ENCRYPTION_KEYS decrypts it."""
        return None if value is None else decrypt(value)
