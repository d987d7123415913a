"""`manage.py continue_after_restore`: readers of what a restored backup does not have begin anew."""

from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pms_backend.operations.services import continue_after_restore

# More than a day of a thousand writes a second; a bigint has room for it billions of times.
SKIPPED: Final = 100_000_000


class Command(BaseCommand):
    """Skips the numbers that were given out after the backup."""

    help = "Run once after a restore: no number that was given out after the backup is given out again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds --skip."""
        parser.add_argument(
            "--skip", type=int, default=SKIPPED, help="more than the rows of any table that the backup does not have"
        )

    def handle(self, *_: Any, skip: int, **__: Any) -> None:
        """Prints where the feed goes on."""
        if skip < 1:
            raise CommandError("--skip is 1 or more.")
        sequence = continue_after_restore(skipped=skip)
        self.stdout.write(f"The feed goes on after {sequence}. Readers at an earlier sequence begin anew.")
