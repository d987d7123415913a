"""`manage.py revoke_api_client ID`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pms_backend.access import services
from pms_backend.api.exceptions import DomainError


class Command(BaseCommand):
    """Revokes an API client permanently."""

    help = "Revokes an API client: its key is refused from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds ID."""
        parser.add_argument("id", help="as create_api_client printed it")

    def handle(self, *_: Any, **options: Any) -> None:
        """Revokes the client."""
        try:
            services.revoke_api_client(client_id=options["id"])
        except DomainError as error:
            raise CommandError(error.detail) from None
        self.stdout.write(f"{options['id']} is revoked.")
