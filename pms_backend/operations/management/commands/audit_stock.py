"""`manage.py audit_stock [--repair]`: every figure is what its ledger says, and was announced; or exit 1."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import IntegrityError

from inventory import services as inventory
from pms_backend.api.exceptions import DomainError
from pms_backend.operations.audit import WrongFigure, find_mismatches, find_wrong_figures


class Command(BaseCommand):
    """Adds up the whole ledger and compares."""

    help = "Adds up the whole ledger and the feed; prints what does not agree, and exits 1 if anything is off."

    def add_arguments(self, parser: CommandParser) -> None:
        """--repair."""
        parser.add_argument("--repair", action="store_true", help="first set each level to what its ledger says")

    def handle(self, *_: Any, repair: bool, **__: Any) -> None:
        """Prints each mismatch on a line of its own."""
        if repair:
            for figure in find_wrong_figures():
                self._repair(figure)
        mismatches = find_mismatches()
        for mismatch in mismatches:
            self.stdout.write(str(mismatch))
        if mismatches:
            self.stderr.write(f"{len(mismatches)} levels or rows are off.")
            sys.exit(1)
        self.stdout.write("Every figure is what its ledger says, and every change was announced.")

    def _repair(self, figure: WrongFigure) -> None:
        name = f"{figure.sku} at {figure.location}"
        try:
            change = inventory.repair_level(level_id=figure.level_id)
        except (DomainError, IntegrityError) as error:
            self.stderr.write(f"{name} is not repaired: {error}")
            return
        if change is not None:
            self.stdout.write(f"{name} is repaired: on_hand {figure.on_hand} → {change.level['on_hand']}")
