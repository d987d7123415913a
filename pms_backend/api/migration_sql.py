"""The SQL of migrations, in files of its own, so that editors and diffs treat it as SQL.

Migrations import nothing else of the project: they describe a past state, and other code goes on changing.
"""

from pathlib import Path

from django.db.migrations import RunSQL


def run_sql_file(migration: str, name: str) -> RunSQL:
    """Runs `sql/NAME.sql` beside the migration (its `__file__`), and `sql/NAME.reverse.sql` to undo it."""
    folder = Path(migration).parent / "sql"
    forward, reverse = folder / f"{name}.sql", folder / f"{name}.reverse.sql"
    return RunSQL(forward.read_text("utf-8"), reverse.read_text("utf-8"))
