"""Counters are memory-mapped files: a full disk must not kill the process."""

from pathlib import Path

import pytest

from pms_backend.metrics.reading import totals
from tests.faults.small_disk import small_disk
from tests.metrics_process import CountingProcess

# Many series, so that the file would have to grow.
COUNT = "[metrics.requests_total.labels(f'/{n}', 'GET', '2xx', 'default').inc() for n in range(1500)]"
CHECK = "assert sum(len(one.samples) for one in metrics.requests_total.collect()) >= 1500"
RETRY = "from pms_backend.metrics import allocated_files; allocated_files.RETRY_SECONDS = 0"


@pytest.mark.parametrize("full_from", ["its start", "later"])
def test_a_process_goes_on_counting(tmp_path: Path, full_from: str):
    with small_disk(tmp_path / "disk") as disk:
        (disk.path / "metrics").mkdir()
        if full_from == "its start":
            disk.fill()
        process = CountingProcess(disk.path / "metrics")
        if full_from == "later":
            disk.fill()

        process.run(COUNT)
        process.run(CHECK)
        process.end()

    assert process.process.returncode == 0


def test_what_was_counted_without_room_is_there_when_there_is_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def total() -> float:
        return sum(totals(["pms_http_requests_total"])["pms_http_requests_total"].values())

    with small_disk(tmp_path / "disk") as disk:
        (disk.path / "metrics").mkdir()
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(disk.path / "metrics"))
        process = CountingProcess(disk.path / "metrics")
        process.run(RETRY)
        disk.fill()
        process.run(COUNT)
        process.run(COUNT)
        before = total()
        disk.free()
        process.run(COUNT)
        after = total()
        process.end()

    assert 0 < before < 3000
    assert after == 4500
