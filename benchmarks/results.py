"""The results as they are stored: JSON from which the table and the document are made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from benchmarks.measure import Measured
from benchmarks.targets import MORE_TARGETS, REASONS, TARGETS, Target


@dataclass(frozen=True, slots=True)
class Row:
    """A target with the two sides that were measured."""

    target: Target
    ours: Measured
    limit: Measured
    settings: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The work, with the numbers of this run."""
        return self.target.title.format(**self.settings)

    @property
    def limit_title(self) -> str:
        """What it is compared with, with the numbers of this run."""
        return self.target.limit_title.format(**self.settings)

    @property
    def value(self) -> float:
        """What is compared with the target."""
        return self.target.value(self.ours.rate, self.limit.rate)

    @property
    def is_met(self) -> bool:
        """Whether the target is reached."""
        return self.target.is_met(self.value)

    @property
    def reason(self) -> str:
        """Why it is not reached."""
        return "" if self.is_met else REASONS.get(self.target.key, "")


@dataclass(slots=True)
class Results:
    """What one run has measured, and where."""

    # RFC 3339.
    taken_at: str
    commit: str
    machine: dict[str, str]
    versions: dict[str, str]
    settings: dict[str, Any]
    seconds: float = 0.0
    # By the name of the comparison, and of its side.
    comparisons: dict[str, dict[str, Measured]] = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        """The targets of what was measured."""
        return [
            Row(target, sides[target.ours], sides[target.limit], self.settings)
            for target in (*TARGETS, *MORE_TARGETS)
            if (sides := self.comparisons.get(target.comparison)) is not None
        ]

    @property
    def failures(self) -> list[str]:
        """The first failure of each side that has any."""
        return [
            f"{comparison}, {name}: {side.failures} failures, the first: {side.failure}"
            for comparison, sides in self.comparisons.items()
            for name, side in sides.items()
            if side.failures
        ]

    def write(self, path: Path) -> None:
        """Stores them, with the rows for those who read the file."""
        rows = [
            {
                "key": row.target.key,
                "title": row.title,
                "ours": row.ours.rate,
                "limit": row.limit.rate,
                "kind": row.target.kind.value,
                "value": row.value,
                "target": row.target.bound,
                "is_met": row.is_met,
                "reason": row.reason,
            }
            for row in self.rows
        ]
        content = orjson.dumps({**asdict(self), "rows": rows}, option=orjson.OPT_INDENT_2)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + b"\n")


def read_results(path: Path) -> Results:
    """What `write` has stored."""
    stored = orjson.loads(path.read_bytes())
    del stored["rows"]
    stored["comparisons"] = {
        comparison: {name: Measured(**side) for name, side in sides.items()}
        for comparison, sides in stored["comparisons"].items()
    }
    return Results(**stored)
