"""`manage.py create_api_client NAME --scopes a,b`."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from pms_backend.access import services
from pms_backend.access.models import DEFAULT_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.api.exceptions import DomainError
from pms_backend.api.moments import parse_moment
from pms_backend.api.renderers import to_json


class Command(BaseCommand):
    """Creates an API client and prints it with its key as JSON, once."""

    help = "Makes an API client; its key is printed once and nowhere to be had again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds NAME, --scopes, --expires, --tier and --signing."""
        parser.add_argument("name")
        parser.add_argument("--scopes", required=True, help=f"comma-separated: {', '.join(ALL_SCOPES)}")
        parser.add_argument("--expires", help="a moment in RFC 3339, such as 2030-01-31T12:00:00Z")
        parser.add_argument("--tier", default=DEFAULT_TIER)
        parser.add_argument("--signing", action="store_true", help="it must sign its writes (RFC 9421)")

    def handle(self, *_: Any, **options: Any) -> None:
        """Creates and prints the client."""
        expires_at = _moment(options["expires"]) if options["expires"] else None
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            made = services.create_api_client(
                name=options["name"],
                scopes=scopes,
                tier=options["tier"],
                expires_at=expires_at,
                signing=options["signing"],
            )
        except DomainError as error:
            raise CommandError(error.detail) from None
        except ValidationError as error:
            raise CommandError(str(error.message_dict)) from None
        answer = {
            "id": made.client.public_id,
            "name": made.client.name,
            "api_key": made.api_key,
            "signing_key_id": made.signing_key_id,
            "signing_key": made.signing_key,
        }
        self.stdout.write(to_json(answer).decode())


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as error:
        raise CommandError(f"--expires: {error}") from None
