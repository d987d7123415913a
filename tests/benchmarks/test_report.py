"""The table, the JSON and the document that `make bench` makes of what it has measured."""

from pathlib import Path

import pytest

from benchmarks.comparisons import COMPARISONS, MORE_COMPARISONS
from benchmarks.document import document
from benchmarks.measure import Measured
from benchmarks.report import table
from benchmarks.results import Results, read_results
from benchmarks.targets import MORE_TARGETS, REASONS, TARGETS, Kind, Target
from tests.architecture.sources import ROOT

EVERY_TARGET = (*TARGETS, *MORE_TARGETS)


def make_results(**rates: float) -> Results:
    """Every comparison, with a rate of 100 where no other is given for the side."""
    results = Results(
        taken_at="2026-01-01T00:00:00+00:00",
        commit="0123456789ab",
        machine={"cores": "2", "processor": "a processor"},
        versions={"Python": "3.11", "load generator": "wrk 4.1.0"},
        settings={"rounds": 1, "skus": 10_000, "many": 1_000_000, "sockets": 1_000, "bulk_rows": 10_000},
        seconds=600,
    )
    for target in EVERY_TARGET:
        sides = results.comparisons.setdefault(target.comparison, {})
        for name in (target.ours, target.limit):
            sides[name] = make_side(rates.get(name, 100))
    return results


def make_side(rate: float) -> Measured:
    processor_ms = {"application": 1.0, "postgresql": 0.5, "redis": 0.25}
    return Measured([rate], 10, 20, processor_ms=processor_ms, memory_mb={"rss": 200, "pss": 150})


def test_every_target_has_a_comparison_and_every_comparison_a_target():
    assert {target.comparison for target in TARGETS} == set(COMPARISONS)
    assert {target.comparison for target in MORE_TARGETS} == set(MORE_COMPARISONS)
    assert len({target.key for target in EVERY_TARGET}) == len(EVERY_TARGET)
    assert set(REASONS) <= {target.key for target in EVERY_TARGET}


@pytest.mark.parametrize(
    ("kind", "bound", "ours", "limit", "value", "is_met"),
    [
        (Kind.SHARE, 0.5, 60, 100, 0.6, True),
        (Kind.SHARE, 0.5, 40, 100, 0.4, False),
        (Kind.SHARE, 0.5, 40, 0, 0.0, False),
        (Kind.COST, 3.0, 40, 100, 2.5, True),
        (Kind.COST, 3.0, 20, 100, 5.0, False),
        (Kind.COST, 3.0, 0, 100, 0.0, False),
        (Kind.RATE, 1_000, 1_001, 9_999, 1_001, True),
        (Kind.RATE, 1_000, 999, 1, 999, False),
    ],
)
def test_a_target_is_met_or_not(kind: Kind, bound: float, ours: float, limit: float, value: float, is_met: bool):
    target = Target("key", "title", "requests", "comparison", bound, kind=kind)

    assert target.value(ours, limit) == pytest.approx(value)
    assert target.is_met(target.value(ours, limit)) is is_met


def test_the_table_has_a_line_for_each_target_and_says_what_is_missed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(REASONS, "adjust", "The ledger costs it.")

    lines = table(make_results(ours=10)).splitlines()

    assert lines.index("") - 1 == len(EVERY_TARGET)
    (adjust,) = (line for line in lines if line.startswith("adjust stock, any SKU"))
    assert " ".join(adjust.split()).endswith("100 10.0 0.10 ≥ 0.40 MISSED 20.0 1.75 1.75 150 0")
    assert "adjust: missed. The ledger costs it." in lines


def test_failures_are_named():
    results = make_results()
    results.comparisons["adjust"]["ours"].failures = 3
    results.comparisons["adjust"]["ours"].failure = "HTTP/1.1 500"

    assert results.failures == ["adjust, ours: 3 failures, the first: HTTP/1.1 500"]


def test_results_are_stored_and_read_again(tmp_path: Path):
    results, path = make_results(ours=10), tmp_path / "new" / "benchmarks.json"

    results.write(path)

    assert read_results(path) == results
    assert '"key": "adjust"' in path.read_text()


def test_the_document_shows_every_target_with_its_reason_and_charts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(REASONS, "adjust", "The ledger costs it.")

    text = document(make_results(ours=10))

    rows = text.partition("## Targets\n\n")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(rows) == len(TARGETS)
    adjust = "| adjust stock, any SKU | the same SQL, bare WSGI | requests | 100 | 10.0 | 0.10 | ≥ 0.40 | **no** | 0 |"
    assert adjust in rows
    assert "- `adjust`, adjust stock, any SKU, 0.10 (≥ 0.40): The ledger costs it." in text
    assert text.count("```mermaid") == 4
    assert "- commit: 0123456789ab" in text
    assert "| list | Saleor | 0.007 |" in text


def test_the_document_is_made_of_the_stored_results():
    stored = read_results(ROOT / "docs" / "benchmarks.json")

    assert [row.target.key for row in stored.rows] == [target.key for target in TARGETS]
    assert stored.failures == []
    assert (ROOT / "docs" / "benchmarks.md").read_text() == document(stored)
