"""`manage.py load_sample_data`: loads a sample catalogue and prints credentials as the last line."""

from typing import Any

from django.core.management.base import BaseCommand

from pms_backend.api.renderers import to_json
from pms_backend.operations.sample_data.loading import load


class Command(BaseCommand):
    """Fills an empty catalogue, renews the credentials, and prints them as one line of JSON at the end."""

    help = "Loads the sample catalogue if there are no products, renews the credentials and prints them."

    def handle(self, *_: Any, **__: Any) -> None:
        """Loads and prints."""
        loaded = load()
        self.stdout.write(loaded.report)
        self.stdout.write(to_json(loaded.credentials).decode())
