"""The table."""

from collections.abc import Iterable, Sequence

from benchmarks.measure import Result, Side

HEADINGS = ("per second, median of rounds", "limit", "ours", "ratio", "target", "failures")
OF_PLAIN_TABLES = ("plain tables", "ratio")


def table(results: Sequence[Result]) -> str:
    """A line for each workload. A ratio below its target is not an error, since machines and their load differ."""
    headings = HEADINGS if results[0].plain is None else HEADINGS + OF_PLAIN_TABLES
    rows = [headings, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(headings))]
    return "\n".join(_line(row, widths) for row in rows)


def failures(results: Iterable[Result]) -> list[str]:
    """The first failure of each side that has any."""
    sides = [(result.workload.name, name, side) for result in results for name, side in result.sides.items()]
    return [_failure(workload, name, side) for workload, name, side in sides if side.failures]


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.workload.name,
        f"{result.limit.rate:,.0f}",
        f"{result.ours.rate:,.0f}",
        f"{result.ratio:.2f}",
        f"≥ {result.workload.target:.2f}",
        str(result.failures),
        *(() if result.plain is None else (f"{result.plain.rate:,.0f}", f"{result.ratio_to(result.plain):.2f}")),
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        text.rjust(width) if column else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *others])


def _failure(workload: str, name: str, side: Side) -> str:
    return f"{workload}, {name}: {side.failures} failures, the first: {side.failure}"
