"""`manage.py replay_events [--receiver NAME] [--event ID]…`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from pms_backend.events import services
from pms_backend.events.models import ParkedEvent


class Command(BaseCommand):
    """Dispatches parked events to their receivers again."""

    help = "Replays the parked events, each for its receiver in a transaction of its own; exits 1 if any fails again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds --receiver and --event; without them, all parked events are replayed."""
        parser.add_argument("--receiver", help="only those of this receiver")
        parser.add_argument("--event", action="append", metavar="ID", help="only this event, `evt_12`; may be repeated")

    def handle(self, *_: Any, receiver: str | None, event: list[str] | None, **__: Any) -> None:
        """Replays the events and prints the outcome of each."""
        parked = ParkedEvent.objects.unresolved()
        if receiver:
            parked = parked.filter(receiver=receiver)
        if event:
            parked = parked.filter(event__in=[_identity(one) for one in event])
        failed = sum(not self._replay(parked_id) for parked_id in list(parked.values_list("pk", flat=True)))
        if failed:
            self.stderr.write(f"{failed} stay parked.")
            sys.exit(1)

    def _replay(self, parked_id: int) -> bool:
        parked = services.replay_parked(parked_id=parked_id)
        outcome = "replayed" if parked.resolved_at else parked.last_error
        self.stdout.write(f"{parked.event.public_id} for {parked.receiver}: {outcome}")
        return parked.resolved_at is not None


def _identity(public_id: str) -> int:
    digits = public_id.removeprefix("evt_")
    if not digits.isdecimal():
        raise CommandError(f"{public_id} is not the id of an event, such as evt_12.")
    return int(digits)
