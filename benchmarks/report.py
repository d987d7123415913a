"""The table that a run prints."""

from collections.abc import Sequence
from typing import Final

from benchmarks.measure import APPLICATION, Measured
from benchmarks.results import Results, Row

HEADINGS: Final = (
    "median of the rounds", "limit/s", "ours/s", "ratio", "target", "", "p99 ms", "CPU ms", "of limit", "MB", "failed",
)  # fmt: skip


def table(results: Results) -> str:
    """A line for each row, and the reasons of what is missed."""
    lines = [HEADINGS, *(_line_of(row) for row in results.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    legend = (
        f"CPU: milliseconds of all processes for one of what is counted (application, PostgreSQL, Redis). MB: memory of"
        f" our processes, shared pages counted once.\n{results.seconds:,.0f} s, {results.versions['load generator']},"
        f" {results.machine['cores']} cores, {results.machine['processor']}"
    )
    missed = [f"{row.target.key}: missed. {row.reason}" for row in results.rows if row.reason]
    return "\n".join([*(_join(line, widths) for line in lines), "", *missed, legend])


def processor_ms(side: Measured) -> float | None:
    """Milliseconds of all processes; None where it was not measured."""
    return sum(side.processor_ms.values()) if APPLICATION in side.processor_ms else None


def number(value: float | None) -> str:
    """Three digits, or all before the point."""
    if value is None:
        return "-"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}"


def _line_of(row: Row) -> tuple[str, ...]:
    return (
        f"{row.title} ({row.limit_title})",
        number(row.limit.rate),
        number(row.ours.rate),
        row.target.value_text(row.value),
        row.target.bound_text,
        "" if row.is_met else "MISSED",
        number(row.ours.p99_ms),
        number(processor_ms(row.ours)),
        number(processor_ms(row.limit)),
        number(row.ours.memory_mb.get("pss", row.ours.memory_mb.get("rss"))),
        str(row.ours.failures + row.limit.failures),
    )


def _join(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        text.rjust(width) if column else text.ljust(width)
        for column, (text, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join([first, *others])
