"""`manage.py describe_events > docs/events.md`."""

from typing import Any

from django.core.management.base import BaseCommand

from pms_backend.operations.catalogue import describe


class Command(BaseCommand):
    """Prints the catalogue of events."""

    help = "Prints the documentation of every event, with the JSON Schema of its data: docs/events.md."

    def handle(self, *_: Any, **__: Any) -> None:
        """Prints it as Markdown."""
        self.stdout.write(describe(), ending="")
