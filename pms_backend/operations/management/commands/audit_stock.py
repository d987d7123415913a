"""`manage.py audit_stock [--repair]`: exits 1 unless levels, ledger and events agree."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import IntegrityError

from inventory import services as inventory
from pms_backend.api.exceptions import DomainError
from pms_backend.operations.audit import WrongLevel, find_mismatches, find_wrong_levels


class Command(BaseCommand):
    """Compares every level with its ledger and its events."""

    help = "Compares every level with its ledger and its events; prints each mismatch, and exits 1 if there is one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds --repair."""
        parser.add_argument("--repair", action="store_true", help="first set each level to the sums of its ledger")

    def handle(self, *_: Any, repair: bool, **__: Any) -> None:
        """Prints each mismatch on a line of its own."""
        if repair:
            for level in find_wrong_levels():
                self._repair(level)
        mismatches = find_mismatches()
        for mismatch in mismatches:
            self.stdout.write(str(mismatch))
        if mismatches:
            self.stderr.write(f"{len(mismatches)} levels or rows do not agree.")
            sys.exit(1)
        self.stdout.write("Every level agrees with its ledger, and every change has its event.")

    def _repair(self, level: WrongLevel) -> None:
        name = f"{level.sku} at {level.location}"
        try:
            change = inventory.repair_level(level_id=level.level_id)
        except (DomainError, IntegrityError) as error:
            self.stderr.write(f"{name} is not repaired: {error}")
            return
        if change is not None:
            self.stdout.write(f"{name} is repaired: on_hand {level.on_hand} → {change.level['on_hand']}")
