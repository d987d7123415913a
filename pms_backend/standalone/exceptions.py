import sys
from collections.abc import Iterator
from contextlib import contextmanager


class StartupError(Exception):
    """The stack did not start, or is stopped again. The message is one line that says why."""

    def __init__(self, message: str, *, lines: tuple[str, ...] = ()) -> None:
        """`lines` are the last lines of the failed program's output; they are shown above the message."""
        super().__init__(message)
        self.lines = lines


class StopRequested(Exception):
    """Somebody pressed Ctrl-C, or sent SIGTERM or SIGHUP."""


@contextmanager
def report_startup_errors() -> Iterator[None]:
    """Turns `StartupError` and `OSError` into a line on stderr and exit code 1."""
    try:
        yield
    except StartupError as error:
        sys.exit("\n".join([*error.lines, f"error: {error}"]))
    except OSError as error:
        prefix = f"{error.filename}: " if error.filename else ""
        sys.exit(f"error: {prefix}{error.strerror or error}")
