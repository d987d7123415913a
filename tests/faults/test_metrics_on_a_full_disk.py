"""Counters are memory-mapped files: a full disk must not kill the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.small_disk import small_disk
from tests.flows.stack import ROOT

# Many labels, so that pages are written which were not before.
COUNTS = """
import sys
from pms_backend import metrics
print("ready", flush=True)
sys.stdin.readline()
for number in range(300):
    metrics.requests_total.labels(f"/{number}", "GET", "2xx", "default").inc()
    metrics.receiver_failures_total.labels(f"receiver {number}").inc()
print(sum(len(one.samples) for one in metrics.requests_total.collect()))
"""


def counting(directory: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)}
    return subprocess.Popen(
        (sys.executable, "-c", COUNTS),
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("full_from", ["its start", "later"])
def test_a_process_goes_on_counting(tmp_path: Path, full_from: str):
    with small_disk(tmp_path / "disk") as disk:
        (disk.path / "metrics").mkdir()
        if full_from == "its start":
            disk.fill()
        process = counting(disk.path / "metrics")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if full_from == "later":
            disk.fill()
        output, _ = process.communicate("go\n", timeout=60)

        assert process.returncode == 0
        assert int(output) >= 300
