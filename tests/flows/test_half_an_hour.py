"""Half an hour of everything at once: nothing grows that is not data, and nothing is lost."""

import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from pms_backend.standalone.programs import CONNECTIONS
from tests.flows.mixed_load import MixedLoad
from tests.flows.stack import Stack, running_stack
from tests.flows.usage import sample
from tests.outbound.servers import saying, serving

pytestmark = [pytest.mark.stack, pytest.mark.slow]

SECONDS: Final = float(os.environ.get("LOAD_SECONDS", "1800"))
# Caches fill, threads and connections are made, prepared statements are planned.
WARM_UP: Final = 0.25
SAMPLE_SECONDS: Final = 10
DRAIN_SECONDS: Final = 120
# From one half to the other lie 11 minutes and at least 30,000 requests. What is lost for good with each of them, be it
# 400 bytes, is more than this; the arenas of a thread that was busier for a while are less.
GROWTH, MEMORY_BYTES = 1.05, 4_000_000
# A sample sees what is open at that moment: connections of sockets and of clients come and go.
DESCRIPTORS: Final = 12
# Each of its processes keeps the tables and indexes open that it has used, up to `max_files_per_process`.
BOUNDED: Final = "files: postgres"


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose other users end nothing and leave nothing."""
    yield from running_stack(tmp_path_factory.mktemp("half-an-hour"))


def test_half_an_hour_of_everything_leaves_memory_connections_files_and_sockets_as_they_were(own_stack: Stack) -> None:
    with serving(saying(b""), keep_alive=True) as subscriber:
        load = MixedLoad(own_stack, f"http://127.0.0.1:{subscriber.port}/")

        with load.running():
            samples = sampled(own_stack, load)
        drain(own_stack, load)

    print(report(samples, load, len(subscriber.received)))
    assert max(connections_of(figures) for figures in samples) <= sum(CONNECTIONS.values()) - CONNECTIONS["commands"]
    audit = own_stack.manage("audit_stock")
    assert audit.returncode == 0, audit.stdout
    assert all(load.counts[name] > 0 for name in ("write", "open_socket", "import_file", "upload_picture", "scrape"))
    assert len(subscriber.received) >= load.counts["write"]
    assert grown(*halves(samples)) == {}


def sampled(stack: Stack, load: MixedLoad) -> list[Counter[str]]:
    """The samples after the warm-up; ends early if a client has failed."""
    began_at = time.monotonic()
    samples: list[Counter[str]] = []
    while (elapsed := time.monotonic() - began_at) < SECONDS and not load.has_failed:
        time.sleep(SAMPLE_SECONDS)
        if elapsed >= SECONDS * WARM_UP:
            samples.append(sample(stack))
    return samples


def halves(samples: list[Counter[str]]) -> tuple[dict[str, float], dict[str, float]]:
    """The medians of the first and of the second half."""
    names, middle = sorted(set().union(*samples)), len(samples) // 2
    return (
        {name: statistics.median(figures[name] for figures in samples[:middle]) for name in names},
        {name: statistics.median(figures[name] for figures in samples[middle:]) for name in names},
    )


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, tuple[float, float]]:
    """What is larger in the second half than noise allows."""

    def allowed(name: str) -> float:
        return before[name] * GROWTH + (MEMORY_BYTES if name.startswith(("memory", "bytes")) else DESCRIPTORS)

    return {name: (before[name], after[name]) for name in before if name != BOUNDED and after[name] > allowed(name)}


def connections_of(figures: Counter[str]) -> int:
    return sum(number for name, number in figures.items() if name.startswith("connections to PostgreSQL: pms "))


def drain(stack: Stack, load: MixedLoad) -> None:
    """Waits until nothing is on its way any more and the stack is ready."""
    stack.wait_until_applied()
    deadline = time.monotonic() + DRAIN_SECONDS
    while waiting := [
        *stack.call("GET", "/webhooks/deliveries/?status=pending&page_size=5")["results"],
        *stack.call("GET", "/webhooks/deliveries/?status=sending&page_size=5")["results"],
        *(job for path in load.imports if (job := stack.call("GET", path))["status"] in ("pending", "running")),
    ]:
        assert time.monotonic() < deadline, waiting
        time.sleep(0.5)
    assert stack.call("GET", "/webhooks/deliveries/?status=failed")["results"] == []
    jobs = [stack.call("GET", path) for path in load.imports]
    assert {(job["status"], job["failed"]) for job in jobs} == {("finished", 0)}
    ready = stack.http.get(f"{stack.quickstart['base_url']}/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok"), ready.text


def report(samples: list[Counter[str]], load: MixedLoad, delivered: int) -> str:
    """A table of the medians, for `pytest -s`."""
    before, after = halves(samples)
    lines = [f"{name:<50}{before[name]:>16,.0f}{after[name]:>16,.0f}" for name in before]
    return "\n".join([f"{len(samples)} samples, {dict(load.counts)}, {delivered} delivered", *lines])


def test_a_leak_is_seen_and_noise_is_not():
    before = {"memory: web": 100_000_000.0, "sockets: web": 40.0}

    assert grown(before, {"memory: web": 108_000_000.0, "sockets: web": 50.0}) == {}
    assert grown(before, {"memory: web": 110_000_000.0, "sockets: web": 60.0}) == {
        "memory: web": (100_000_000.0, 110_000_000.0),
        "sockets: web": (40.0, 60.0),
    }
