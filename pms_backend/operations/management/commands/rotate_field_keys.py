"""`manage.py rotate_field_keys`: afterwards the old key may be removed."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from pms_backend.operations import services


class Command(BaseCommand):
    """Encrypts all secrets of the database again, with the first of FIELD_ENCRYPTION_KEYS."""

    help = "Encrypts all secrets again with the first of FIELD_ENCRYPTION_KEYS; exits 1 if one cannot be read."

    def handle(self, *_: Any, **__: Any) -> None:
        """Prints a line for each column."""
        columns = services.rotate_field_keys()
        for column in columns:
            self.stdout.write(
                f"{column.column}: {column.rotated} rotated, {column.current} had the first key already, "
                f"{column.changed_meanwhile} changed meanwhile, {column.unreadable} cannot be read"
            )
        if any(column.unreadable for column in columns):
            self.stderr.write("No key of FIELD_ENCRYPTION_KEYS decrypts some values: keep every key that you have.")
            sys.exit(1)
