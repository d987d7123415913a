import sys
from collections.abc import Iterator
from contextlib import contextmanager


class StartupError(Exception):
    """Nothing was started, or all of it is stopped again. The message is the one line that says why."""

    def __init__(self, message: str, *, lines: tuple[str, ...] = ()) -> None:
        """`lines`: the last ones that the failed program wrote, to be shown above the message."""
        super().__init__(message)
        self.lines = lines


class StopRequested(Exception):
    """Ctrl-C, or a signal that means the same."""


@contextmanager
def report_startup_errors() -> Iterator[None]:
    """Ends the program with one line on stderr, and exit code 1, where it cannot start."""
    try:
        yield
    except StartupError as error:
        sys.exit("\n".join([*error.lines, f"error: {error}"]))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        sys.exit(f"error: {place}{error.strerror or error}")
