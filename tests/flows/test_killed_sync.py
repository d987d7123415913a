"""A full sync whose worker is killed again and again, of a PMS that fails often, ends as an undisturbed one."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.flows.stack import Stack, running_stack
from tests.pms_integration.simulator.calling import Caller
from tests.pms_integration.simulator.test_process import simulator

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PRODUCTS = 20_000
# Of five requests one fails, in every way that leaves the list itself whole.
FAULTS = {
    "500": 0.05, "429": 0.03, "503": 0.02, "timeout_before": 0.01, "timeout_after": 0.01, "half_answer": 0.04,
    "wrong_json": 0.04, "timeout_seconds": 1.0, "retry_after_seconds": 1.0,
}  # fmt: skip
KILLS = 5
ENDS_WITHIN = 900.0


def start_run(stack: Stack, pms: Caller) -> str:
    """Connects the PMS and starts a full run; returns the address of the run."""
    stack.call("POST", "/inventory/locations/", json={"code": "sim", "name": "Simulated"})
    connection = {
        "slug": "sim", "name": "Simulated", "base_url": str(pms.http.base_url).rstrip("/"),
        "credentials": {"token": pms.http.headers["Authorization"].removeprefix("Bearer ")},
        "locations": [{"location": "sim", "external_id": "W1", "owns_stock": True}],
    }  # fmt: skip
    stack.call("POST", "/pms/connections/", json=connection)
    run = stack.call("POST", "/pms/connections/sim/sync/", json={"mode": "full"})
    return f"/pms/sync-runs/{run['id']}/"


def progress(run: dict[str, Any]) -> int:
    """What is listed and what is applied."""
    return int(run["total"] or 0) + int(run["processed"])


def kill_workers(stack: Stack) -> None:
    for pid in stack.pids("worker"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def exported(directory: Path, *, faults: dict[str, float], kills: int) -> tuple[dict[str, Any], bytes]:
    """The run as it ended, and the catalogue with its stock."""
    directory.mkdir()
    with simulator("--products", str(PRODUCTS), "--location", "W1=Only one", "--seed", "7") as pms:
        stacks = running_stack(directory)
        stack = next(stacks)
        try:
            pms.set_faults(faults)
            url = start_run(stack, pms)
            levels = len(pms.state()["stock"])
            # The listing is one half of the way, the applying the other.
            moments = [(number + 1) * 2 * (PRODUCTS + levels) // (kills + 1) for number in range(kills)]
            deadline = time.monotonic() + ENDS_WITHIN
            while (run := stack.call("GET", url))["status"] not in ("finished", "failed", "cancelled"):
                assert time.monotonic() < deadline, run
                if moments and progress(run) >= moments[0]:
                    kill_workers(stack)
                    moments.pop(0)
                time.sleep(0.1)
            assert not moments, "the worker was not killed as often as it should be"
            failures = {name: count for name, count in pms.counters().items() if name.startswith("faults.")}
            assert sum(failures.values()) > (20 if faults else -1), failures
            file = stack.http.get(
                f"{stack.quickstart['base_url']}/api/v1/products/export/",
                params={"format": "jsonl", "location": "sim"},
                headers={"X-Api-Key": stack.quickstart["api_key"]},
            )
            assert stack.manage("audit_stock").returncode == 0
            return run, file.content.replace(stack.quickstart["base_url"].encode(), b"")
        finally:
            next(stacks, None)


def test_a_disturbed_sync_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    run, catalogue = exported(tmp_path / "calm", faults={}, kills=0)
    disturbed, same = exported(tmp_path / "disturbed", faults=FAULTS, kills=KILLS)

    assert (run["status"], run["errors"], run["created"]) == ("finished", [], run["total"])
    assert {name: disturbed[name] for name in ("status", "total", "processed", "created", "errors")} == {
        name: run[name] for name in ("status", "total", "processed", "created", "errors")
    }
    assert catalogue.count(b"\n") >= PRODUCTS
    assert same == catalogue
