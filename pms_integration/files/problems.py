"""What is wrong with a file, and where."""

from dataclasses import dataclass

MAX_COLUMN_LENGTH = 100
MAX_CODE_LENGTH = 50
MAX_DETAIL_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: with a line (physical, the first is 1), in a column (or pointer), which rule, and in words."""

    line: int
    column: str
    code: str
    detail: str


class FileUnusable(Exception):
    """The file as a whole is not what can be imported; its text says why."""
