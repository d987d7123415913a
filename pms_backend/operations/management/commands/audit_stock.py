"""`manage.py audit_stock`: every figure is what its ledger says, or exit 1."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from pms_backend.operations.audit import find_mismatches


class Command(BaseCommand):
    """Adds up the whole ledger and compares."""

    help = "Adds up the whole ledger; prints what does not agree, and exits 1 if anything is off."

    def handle(self, *_: Any, **__: Any) -> None:
        """Prints each mismatch on a line of its own."""
        mismatches = find_mismatches()
        for mismatch in mismatches:
            self.stdout.write(str(mismatch))
        if mismatches:
            self.stderr.write(f"{len(mismatches)} figures are off.")
            sys.exit(1)
        self.stdout.write("Every figure is what its ledger says.")
