"""docs/benchmarks.md, made from the results of a run."""

from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.measure import Measured
from benchmarks.report import number, processor_ms
from benchmarks.results import Results, Row
from benchmarks.targets import MORE_TARGETS, PEERS, Kind

_HEAD: Final = """# Benchmarks

Made by `make bench ARGS=--write-docs` from [benchmarks.json](benchmarks.json), which has every round: change neither by
hand. `make bench` measures all of it again, on its own PostgreSQL and Redis, in at most 15 minutes on two cores.

A figure of one machine says little about another, so every row compares ours with a *limit* that is measured beside it,
in alternating rounds: limit, ours, limit, ours, … Each figure is the median of the rounds. Ours is the whole service as
`make run` starts it: authentication, rate limits that count each request, metrics, the access log (in a file), the
ledger and the outbox. The relay and the workers do not run meanwhile, unless the row is about them. The embedded
PostgreSQL does not wait for the disk, on either side.

The limit is the least Python that does the work (`benchmarks/limit.py`): a bare WSGI function, psycopg, orjson, behind
the same web server, on the same tables with their triggers, without any of the above. *Plain tables* are the same
without constraints and triggers. A *pair* is a reservation and its commit, two requests.

Cached reads are compared with an empty view of Django, with one behind the API's handler, and with one that asks Redis
once. Each cached read must ask it, to see every write that was acknowledged before: what that exchange alone costs is
the row of the empty view.
"""
_COSTS: Final = """## What a request costs

Processor milliseconds of all processes for one of what is counted; percentiles of a request; memory of the processes of
the application, with shared pages counted in each (RSS) and once (PSS).
"""
_REPRODUCE: Final = """## How to reproduce it

```text
make bench                                # all rows
make bench ARGS="list adjust"             # some comparisons
make bench ARGS=--write-docs              # all rows, and this document
make bench ARGS="--from docs/benchmarks.json --write-docs"   # this document again, without measuring
```

On a machine without other load. The load generator is [wrk](https://github.com/wg/wrk) where it is installed (Debian:
`apt install wrk`), with one thread and 16 connections; bulk requests come one at a time, by `benchmarks.generator`,
which otherwise takes wrk's place. Other comparisons, which are not part of it, are named by `make bench ARGS=--help`.
"""


def document(results: Results) -> str:
    """The Markdown."""
    more = {target.key for target in MORE_TARGETS}
    rows = [row for row in results.rows if row.target.key not in more]
    parts = (
        _HEAD,
        _about(results),
        "## Targets",
        _targets(rows),
        _missed(rows),
        _chart_of_shares(rows),
        _COSTS,
        _costs(results),
        _chart_of_costs(rows),
        _steps(results),
        "## Beside others",
        _peers(results),
        _REPRODUCE,
    )
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _about(results: Results) -> str:
    settings = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in results.settings.items())
    facts = {
        "taken": f"{results.taken_at}, in {results.seconds:,.0f} s",
        "commit": results.commit,
        **results.machine,
        **results.versions,
        "settings": settings,
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _targets(rows: Iterable[Row]) -> str:
    lines = [
        (
            row.title, row.limit_title, row.target.unit, number(row.limit.rate), number(row.ours.rate),
            row.target.value_text(row.value), row.target.bound_text, _met(row),
            str(row.ours.failures + row.limit.failures),
        )
        for row in rows
    ]  # fmt: skip
    return _table(("work", "limit", "counted", "limit/s", "ours/s", "ratio", "target", "met", "failed"), lines, texts=3)


def _met(row: Row) -> str:
    if row.target.bound is None:
        return ""
    return "yes" if row.is_met else "**no**"


def _missed(rows: Iterable[Row]) -> str:
    missed = [f"- {_name(row)}: {row.reason or 'not explained yet'}" for row in rows if not row.is_met]
    return "\n".join(["Missed, and why:", "", *missed]) if missed else "All targets are met."


def _costs(results: Results) -> str:
    lines = [
        (
            comparison, name,
            *(number(side.processor_ms.get(program)) for program in ("application", "postgresql", "redis")),
            number(processor_ms(side)), number(side.p50_ms), number(side.p99_ms),
            number(side.memory_mb.get("rss")), number(side.memory_mb.get("pss")),
        )
        for comparison, sides in results.comparisons.items()
        for name, side in sides.items()
    ]  # fmt: skip
    headings = (
        "comparison", "side", "application", "PostgreSQL", "Redis", "CPU ms", "p50 ms", "p99 ms", "RSS MB", "PSS MB",
    )  # fmt: skip
    return _table(headings, lines, texts=2)


def _steps(results: Results) -> str:
    steps = [
        (comparison, step, number(ms))
        for comparison, sides in results.comparisons.items()
        for side in sides.values()
        for step, ms in side.steps_ms.items()
    ]
    return (
        "\n\n".join(["Where the time of ours goes:", _table(("comparison", "step", "ms"), steps, texts=2)])
        if steps
        else ""
    )


def _chart_of_shares(rows: Iterable[Row]) -> str:
    shares = [row for row in rows if row.target.kind is Kind.SHARE]
    bars = [f"{row.value:.2f}" for row in shares]
    targets = [f"{row.target.bound or 0:.2f}" for row in shares]
    top = max([1.0, *(row.value for row in shares)])
    return _chart(
        "Ours as a share of the limit (bars), and the target (line)",
        [row.target.key for row in shares],
        f'"share" 0 --> {top:.2f}',
        bars,
        targets,
    )


def _chart_of_costs(rows: Sequence[Row]) -> str:
    """Of what takes about as long; a bulk's row and a change to a thousand sockets are of another size."""
    single = [row for row in rows if row.target.unit in {"requests", "pairs"} and row.target.kind is Kind.SHARE]
    costs = [(row.target.key, processor_ms(row.ours), processor_ms(row.limit)) for row in single]
    known = [(key, ours, limit) for key, ours, limit in costs if ours is not None and limit is not None]
    return _chart(
        "Processor milliseconds of a request: ours (bars), the limit (line)",
        [key for key, _, _ in known],
        '"ms"',
        [f"{ours:.2f}" for _, ours, _ in known],
        [f"{limit:.2f}" for _, _, limit in known],
    )


def _peers(results: Results) -> str:
    lines, charts = [], []
    for comparison, peers in PEERS.items():
        sides = results.comparisons.get(comparison)
        if sides is None:
            continue
        shares = {name: rate / peers["limit"] for name, rate in peers.items() if name != "limit"}
        shares["this service"] = _share(sides)
        lines += [(comparison, name, f"{share:.3f}") for name, share in shares.items()]
        percents = [f"{100 * share:.1f}" for share in shares.values()]
        charts.append(_chart(f"{comparison}: percent of the limit", list(shares), '"percent"', percents))
    if not lines:
        return ""
    text = (
        "The others were measured once on another machine with two cores, with as many products and clients, beside a\n"
        "limit of their own. So their shares of the limit may be compared with ours, but not their rates."
    )
    return "\n\n".join([text, _table(("work", "system", "share of the limit"), lines, texts=2), *charts])


def _share(sides: dict[str, Measured]) -> float:
    return sides["ours"].rate / sides["limit"].rate if sides["limit"].rate else 0.0


def _chart(title: str, names: Sequence[str], axis: str, bars: Sequence[str], line: Sequence[str] | None = None) -> str:
    """A chart that GitHub draws; nothing where nothing was measured."""
    if not names:
        return ""
    quoted = ", ".join(f'"{name}"' for name in names)
    lines = [f"    line [{', '.join(line)}]"] if line else []
    return "\n".join(
        [
            "```mermaid",
            "---",
            "config:",
            "    xyChart:",
            f"        width: {max(500, 85 * len(names))}",
            "---",
            "xychart-beta",
            f'    title "{title}"',
            f"    x-axis [{quoted}]",
            f"    y-axis {axis}",
            f"    bar [{', '.join(bars)}]",
            *lines,
            "```",
        ]
    )


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]], *, texts: int) -> str:
    """The first columns are texts, the others numbers."""
    rule = ["---"] * texts + ["--:"] * (len(headings) - texts)
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, rule, *lines))


def _name(row: Row) -> str:
    return f"`{row.target.key}`, {row.title}, {row.target.value_text(row.value)} ({row.target.bound_text})"
