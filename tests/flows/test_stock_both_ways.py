"""Our stock and that of a PMS: both change, everything on the way fails, and at rest both hold the same."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.flows.stack import Stack
from tests.pms_integration.simulator.calling import Caller
from tests.pms_integration.simulator.test_process import simulator

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PRODUCTS = 10
PLACES = {"annex": "W1", "outlet": "W2"}
FAULTS = {
    **dict.fromkeys(("timeout_before", "500", "429", "503"), 0.2),
    **dict.fromkeys(("timeout_after", "half_answer", "wrong_json", "truncated_listing"), 0.2),
    **dict.fromkeys(("lost_webhook", "duplicate_webhook", "late_webhook", "reordered_webhook"), 0.2),
    "timeout_seconds": 0.5, "retry_after_seconds": 1.0, "late_seconds": 5.0,
}  # fmt: skip
CHANGES = 2_000
# Between two changes, so that many pushes meet a fault.
PAUSE_SECONDS = 0.02
KILLS = 20
AT_REST_WITHIN = 60.0


class Pair:
    """The stack and a simulated PMS that are connected; the PMS owns the stock of `annex`, we that of `outlet`."""

    def __init__(self, stack: Stack, pms: Caller, slug: str) -> None:
        self.stack, self.pms, self.slug = stack, pms, slug
        self.codes = {place: f"{place}-{slug}" for place in PLACES}
        for code in self.codes.values():
            stack.call("POST", "/inventory/locations/", json={"code": code, "name": code})
        connection = {
            "slug": slug, "name": slug, "base_url": str(pms.http.base_url).rstrip("/"),
            "credentials": {"token": pms.http.headers["Authorization"].removeprefix("Bearer ")},
            "locations": [
                {"location": code, "external_id": PLACES[place], "owns_stock": place == "annex"}
                for place, code in self.codes.items()
            ],
        }  # fmt: skip
        secret = stack.call("POST", "/pms/connections/", json=connection)["secret"]
        self.sync("full")
        self.skus = sorted({level["sku"] for level in pms.state()["stock"]})
        for sku in self.skus:
            figure = self.there()[sku, "W2"]
            stack.call(
                "POST", "/inventory/counts/", json={"sku": sku, "location": self.codes["outlet"], "on_hand": figure}
            )
        hook = f"{stack.quickstart['base_url']}/api/v1/webhooks/pms/{slug}/"
        pms.control("webhooks", {"url": hook, "secret": secret})

    def sync(self, mode: str) -> None:
        run = self.stack.call("POST", f"/pms/connections/{self.slug}/sync/", json={"mode": mode})
        url = f"/pms/sync-runs/{run['id']}/"
        wait(lambda: self.stack.call("GET", url)["status"] not in ("pending", "running"), f"a {mode} run", 180)
        assert self.stack.call("GET", url)["status"] == "finished"

    def there(self) -> dict[tuple[str, str], int]:
        return {(level["sku"], level["location"]): level["on_hand"] for level in self.pms.state()["stock"]}

    def here(self) -> dict[tuple[str, str], int]:
        return {
            (level["sku"], PLACES[place]): level["on_hand"]
            for place, code in self.codes.items()
            for level in self.stack.every("/inventory/levels/", location=code)
        }

    def adjust(self, sku: str, place: str, delta: int) -> bool:
        """A change of ours; whether it was accepted."""
        body = {"sku": sku, "location": self.codes[place], "delta": delta, "reason": "sale" if delta < 0 else "receipt"}
        answer = self.stack.http.post(
            f"{self.stack.quickstart['base_url']}/api/v1/inventory/adjustments/",
            json=body,
            headers={"X-Api-Key": self.stack.quickstart["api_key"]},
        )
        assert answer.status_code in (201, 409), answer.text
        return answer.status_code == 201

    def is_told(self) -> bool:
        """Whether the post is empty, and applied."""
        waiting = [one for one in self.pms.get("/_simulator/webhooks")["webhooks"] if one["status"] != "lost"]
        summary = self.stack.call("GET", "/pms/events/summary/", params={"connection": self.slug})
        return not waiting and not any(summary.get(state) for state in ("received", "processing", "failed"))

    def wrong(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Where we hold something else: what is here, and what is there."""
        here, there = self.here(), self.there()
        return {level: (here[level], there[level]) for level in there if here.get(level) != there[level]}

    def pending(self) -> int:
        rows = self.stack.every("/pms/inventory/", connection=self.slug)
        return sum(row["pending"] != 0 for row in rows)


def wait(holds: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


@pytest.fixture
def pms() -> Iterator[Caller]:
    with simulator("--products", str(PRODUCTS), "--seed", "3") as caller:
        yield caller


def test_after_every_fault_both_hold_the_same_within_a_minute(
    stack: Stack, pms: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    pair, chance = Pair(stack, pms, "faulty"), random.Random(5)
    pms.set_faults(FAULTS)
    accepted = 0
    for number in range(CHANGES):
        sku, place = chance.choice(pair.skus), chance.choice(sorted(PLACES))
        if number % 2:
            accepted += pair.adjust(sku, place, chance.choice((-1, -2, 3)))
        else:
            body = {"sku": sku, "location": PLACES[place], "quantity": chance.randint(1, 3)}
            pms.control(f"stock/{chance.choice(('sell', 'receive'))}", body)
        time.sleep(PAUSE_SECONDS)
    pms.set_faults({})
    began = time.monotonic()
    # What is still in the post is a fact yet to come: a difference that is pushed before would count it twice.
    wait(lambda: pair.is_told() and not pair.pending(), "everything arrives that was not lost", AT_REST_WITHIN)
    pair.sync("incremental")
    stack.call("POST", "/pms/inventory/push/", json={"skus": pair.skus, "connections": [pair.slug]})

    wait(lambda: not pair.wrong(), f"both hold the same, not {pair.wrong()}", began + AT_REST_WITHIN - time.monotonic())

    rested = time.monotonic() - began
    counters = {name: count for name, count in pms.counters().items() if name.startswith(("faults", "webhooks", "adj"))}
    with capsys.disabled():
        print(f"\n{accepted} changes of ours, at rest after {rested:.0f} s: {counters}")
    assert counters["webhooks.lost"] > 50
    assert counters["adjustments.duplicate"] > 0
    assert stack.manage("audit_stock").returncode == 0


def test_a_worker_that_is_killed_again_and_again_pushes_each_change_once(stack: Stack, pms: Caller) -> None:
    pair, chance = Pair(stack, pms, "killed"), random.Random(6)
    before, wanted = pair.there(), dict.fromkeys(pair.there(), 0)
    for _ in range(KILLS):
        until = time.monotonic() + chance.uniform(1.0, 3.0)
        while time.monotonic() < until:
            sku, place = chance.choice(pair.skus), chance.choice(sorted(PLACES))
            if pair.adjust(sku, place, 1):
                wanted[sku, PLACES[place]] += 1
        for pid in stack.pids("worker"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    wait(lambda: not pair.pending() and pair.here() == pair.there(), "everything is pushed", 120)

    moved = {level: after - before[level] for level, after in pair.there().items()}
    assert moved == wanted
    assert sum(wanted.values()) > 10 * KILLS
    keys = [one["idempotency_key"] for one in pms.state()["movements"] if one["idempotency_key"]]
    assert len(keys) == len(set(keys)) == sum(wanted.values())
    assert stack.manage("audit_stock").returncode == 0
