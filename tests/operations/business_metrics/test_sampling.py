"""What the counters rise by is added to the database once, whatever starts again or is away meanwhile."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from pms_backend.metrics.reading import Labels
from pms_backend.operations.business_metrics import sampling, services
from pms_backend.operations.business_metrics.sampling import Sampler
from pms_backend.operations.models import MetricIncrease

pytestmark = [pytest.mark.django_db, pytest.mark.database]

REQUESTS = "pms_http_requests_total"
OK: Labels = (("status", "2xx"), ("tier", "staff"))

Count = Callable[..., None]


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, settings) -> None:
    settings.METRICS_DIR = str(tmp_path)


@pytest.fixture
def counters(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[Labels, float]]:
    """What `/metrics` shows at the moment: of all processes."""
    shown: dict[str, dict[Labels, float]] = {}
    monkeypatch.setattr(sampling, "totals", lambda names: {name: shown.get(name, {}) for name in names})
    return shown


def added() -> dict[tuple[str, str], int]:
    """The sums of all rows, by the names of the counters and the values of their labels, in the order of those."""
    found: dict[tuple[str, str], int] = {}
    for row in MetricIncrease.objects.all():
        key = row.name, "/".join(value for _, value in sorted(row.labels.items()))
        found[key] = found.get(key, 0) + row.amount
    return found


def test_each_increase_is_added_once_without_the_labels_that_are_not_kept(counters) -> None:
    get, post = (("method", method) for method in ("GET", "POST"))
    sampler = Sampler()
    for total in (5, 5, 9):
        counters[REQUESTS] = {(get, *OK): total, (post, *OK): 1}

        sampler.run()

    assert added() == {(REQUESTS, "2xx/staff"): 10}
    assert {frozenset(row.labels) for row in MetricIncrease.objects.all()} == {frozenset({"status", "tier"})}
    assert {row.began_at.minute % 5 for row in MetricIncrease.objects.all()} == {0}


def test_one_statement_adds_everything_and_none_nothing(counters) -> None:
    sampler = Sampler()
    counters[REQUESTS] = {OK: 5, (("status", "5xx"), ("tier", "staff")): 1}
    counters["pms_errors_total"] = {(("code", 'a"b\\'), ("layer", "route")): 2}

    with CaptureQueriesContext(connection) as statements:
        sampler.run()
        sampler.run()

    assert len(statements) == 1
    assert added() == {(REQUESTS, "2xx/staff"): 5, (REQUESTS, "5xx/staff"): 1, ("pms_errors_total", 'a"b\\/route'): 2}


def test_a_counter_that_started_again_counts_from_nought(counters) -> None:
    sampler = Sampler()
    for total in (100, 3, 3, 4):
        counters[REQUESTS] = {OK: total}
        sampler.run()

    assert added() == {(REQUESTS, "2xx/staff"): 104}


def test_an_emptied_directory_forgets_what_was_counted_in_it(counters, tmp_path: Path) -> None:
    counters[REQUESTS] = {OK: 3}
    Sampler().run()
    for file in tmp_path.iterdir():
        file.unlink()
    counters[REQUESTS] = {OK: 7}  # more than before: no decrease gives it away

    Sampler().run()

    assert added() == {(REQUESTS, "2xx/staff"): 10}


def test_a_sampler_that_starts_again_continues(counters) -> None:
    for total in (5, 8):
        counters[REQUESTS] = {OK: total}
        Sampler().run()

    assert added() == {(REQUESTS, "2xx/staff"): 8}


@pytest.mark.parametrize("content", ["", "{", "5", '[["a"]]', "[[1, 2, 3]]"])
def test_a_broken_file_is_as_none(counters, tmp_path: Path, content: str) -> None:
    (tmp_path / "sampled.json").write_text(content)
    counters[REQUESTS] = {OK: 5}

    Sampler().run()

    assert added() == {(REQUESTS, "2xx/staff"): 5}


def test_without_a_directory_one_sampler_counts_on(counters, settings) -> None:
    settings.METRICS_DIR = ""
    sampler = Sampler()
    for total in (5, 8):
        counters[REQUESTS] = {OK: total}
        sampler.run()

    assert added() == {(REQUESTS, "2xx/staff"): 8}


def test_on_a_full_disk_nothing_is_counted_twice(counters, tmp_path: Path) -> None:
    (tmp_path / "sampled.new").mkdir()
    sampler = Sampler()
    for total in (5, 8):
        counters[REQUESTS] = {OK: total}
        sampler.run()

    assert added() == {(REQUESTS, "2xx/staff"): 8}


def test_a_database_that_is_away_loses_nothing(counters, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise DatabaseError

    sampler = Sampler()
    counters[REQUESTS] = {OK: 5}
    with monkeypatch.context() as away:
        away.setattr(services, "add_increases", fail)
        with pytest.raises(DatabaseError):
            sampler.run()
    counters[REQUESTS] = {OK: 8}

    sampler.run()

    assert added() == {(REQUESTS, "2xx/staff"): 8}


def test_hours_are_merged_after_a_day_and_deleted_after_a_month() -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    young, old, last_month = hour - timedelta(hours=25), hour - timedelta(hours=26), hour - timedelta(days=31, hours=1)
    moments = [last_month, *(old + timedelta(minutes=5 * number) for number in range(14))]
    for moment in moments:
        for code in ("a", "b"):
            labels = {"layer": "route", "code": code}
            MetricIncrease.objects.create(began_at=moment, name="pms_errors_total", labels=labels, amount=2)

    assert (services.prune_increases(), services.prune_increases()) == (2, 0)

    kept = MetricIncrease.objects.filter(labels__code="a").order_by("began_at").values_list("began_at", "amount")
    assert list(kept) == [(old, 24), (young, 2), (young + timedelta(minutes=5), 2)]
    assert MetricIncrease.objects.filter(labels__code="b").count() == 3
