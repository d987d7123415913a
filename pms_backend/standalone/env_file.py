"""Reads `.env` in the project's directory, the file that docker compose reads too.

Only what starts something reads it: `make run`, `make demo`, `manage.py`, a single program. The settings do not, so
that the file of a developer changes no test.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path

from dotenv.main import DotEnv
from dotenv.parser import Binding, parse_stream

from pms_backend.standalone import PROJECT
from pms_backend.standalone.exceptions import StartupError


def load_env_file() -> None:
    """Sets the variables of the file that are not in the environment; an empty value counts as not set.

    ENV_FILE names another file. Raises `StartupError` for one that cannot be read, or a line that is no assignment.
    """
    named = os.environ.get("ENV_FILE")
    path = Path(named or PROJECT / ".env")
    if not named and not path.exists():
        return
    values = {name: value for name, value in _read(path).items() if value}
    if "DATA_DIR" in values:
        values["DATA_DIR"] = str(path.absolute().parent / Path(values["DATA_DIR"]).expanduser())
    for name, value in values.items():
        os.environ.setdefault(name, value)


def _read(path: Path) -> dict[str, str | None]:
    """The variables with their values; None for a name without `=`, which compose takes from the environment."""
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise _problem(path, content[: error.start].count(b"\n") + 1, "it is not UTF-8") from None
    for line in _malformed_lines(text):
        raise _problem(path, line, "it is not NAME=VALUE, or a quote is not closed")
    # As in compose, a `${NAME}` takes the value of the environment before that of the file.
    return DotEnv(None, stream=io.StringIO(text), override=False).dict()


def _malformed_lines(text: str) -> Iterator[int]:
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or "\0" in binding.original.string:
            yield _first_line(binding)


def _first_line(binding: Binding) -> int:
    """The line of the statement itself: the parser counts from the blank lines before it."""
    statement = binding.original.string
    return binding.original.line + statement[: len(statement) - len(statement.lstrip())].count("\n")


def _problem(path: Path, line: int, why: str) -> StartupError:
    return StartupError(f"{path}, line {line}: {why}")  # without the line, which may have a password
