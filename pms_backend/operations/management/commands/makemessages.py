"""Collects the texts of the pages into the catalogues of the languages."""

from pathlib import Path
from typing import Any, Final

import unfold
from django.core.management.commands import makemessages

# Without places and times, so that a changed text changes few lines.
OPTIONS: Final = {"all": True, "no_location": True, "no_wrap": True, "no_obsolete": True}
NO_PAGES: Final = ("tests", "benchmarks", "docs", "node_modules")
TIME: Final = '"POT-Creation-Date:'


class Command(makemessages.Command):
    """Django's, for all languages, and with the texts of django-unfold, which has no translations of its own."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Collects the texts."""
        super().handle(*args, **{**options, **OPTIONS, "ignore_patterns": [*options["ignore_patterns"], *NO_PAGES]})

    def find_files(self, root: str) -> Any:
        """The project's files, and those of django-unfold."""
        return super().find_files(root) + super().find_files(str(Path(unfold.__file__).parent))

    def write_po_file(self, potfile: str, locale: str) -> None:
        """Writes the catalogue of a language."""
        super().write_po_file(potfile, locale)
        catalogue = Path(potfile).parent / locale / "LC_MESSAGES" / f"{self.domain}.po"
        lines = catalogue.read_text().splitlines(keepends=True)
        catalogue.write_text("".join(line for line in lines if not line.startswith(TIME)))
