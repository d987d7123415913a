"""`manage.py rotate_field_keys`: after it the old key may go."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from pms_backend.operations import services


class Command(BaseCommand):
    """Encrypts all secrets of the database anew, with the first of FIELD_ENCRYPTION_KEYS."""

    help = "Encrypts all secrets anew with the first of FIELD_ENCRYPTION_KEYS; exits 1 where one cannot be read."

    def handle(self, *_: Any, **__: Any) -> None:
        """Prints a line for each column."""
        columns = services.rotate_field_keys()
        for column in columns:
            self.stdout.write(
                f"{column.column}: {column.rotated} rotated, {column.current} had the first key already, "
                f"{column.changed_meanwhile} changed meanwhile, {column.unreadable} cannot be read"
            )
        if any(column.unreadable for column in columns):
            self.stderr.write("Some values fit none of FIELD_ENCRYPTION_KEYS: keep every key that you have.")
            sys.exit(1)
