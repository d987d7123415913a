"""Each part of the stack hangs, or is killed, under load: readiness names it, the rest goes on, nothing is lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.flows.stack import Stack
from tests.flows.test_killed_processes import BACK_SECONDS, Caller, adjusts, pids, sends_webhooks, wait_for_acknowledged
from tests.machine import is_within

pytestmark = [pytest.mark.stack, pytest.mark.slow]

# The program, and the check that names it. One worker stands for all.
CHECKS = {
    "postgres": "database", "redis": "redis", "relay": "relay", "sync": "worker", "beat": "beat", "sockets": "sockets",
}  # fmt: skip
NAMED_SECONDS = 10
ANSWER_SECONDS = 2
# Long enough that everything that follows from it would be told.
HANGS_SECONDS = 25
LOCATION = "outages"


class Observer:
    """Asks for readiness again and again."""

    def __init__(self, stack: Stack) -> None:
        self._url = f"{stack.quickstart['base_url']}/health/ready"
        self.failed: set[str] = set()
        self.longest = 0.0

    def ask(self) -> dict[str, str]:
        """The statuses of the checks that are not ok."""
        began = time.monotonic()
        checks = httpx.get(self._url, timeout=30).json()["checks"]
        self.longest = max(self.longest, time.monotonic() - began)
        self.failed |= {name for name, check in checks.items() if check["status"] == "failed"}
        return {name: check["status"] for name, check in checks.items() if check["status"] != "ok"}

    def wait_until(self, condition: Callable[[dict[str, str]], bool]) -> float:
        """Returns after how many seconds the answer was so."""
        began = time.monotonic()
        while not condition(wrong := self.ask()):
            assert time.monotonic() - began < BACK_SECONDS * 2, wrong
            time.sleep(0.2)
        return time.monotonic() - began

    def watch(self, seconds: float) -> None:
        """Asks for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.ask()
            time.sleep(0.5)


def with_children(pid: int) -> list[int]:
    """The process and those below it: the sessions of PostgreSQL are in groups of their own."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in with_children(int(child)))]


def send(number: signal.Signals, receivers: list[int]) -> None:
    for pid in receivers:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


@pytest.fixture
def load(stack: Stack) -> Iterator[list[Caller]]:
    """Clients and a PMS that change the stock of one SKU; at the end it is the sum of what was acknowledged."""
    sku = f"OUTAGE-{time.time_ns()}"
    if not any(location["code"] == LOCATION for location in stack.every("/inventory/locations/")):
        stack.call("POST", "/inventory/locations/", json={"code": LOCATION, "name": "Outages"})
    stack.call("POST", "/products/", json={"name": sku, "variants": [{"sku": sku, "price": "1.00"}]})
    level = {"sku": sku, "location": LOCATION}
    callers = [Caller(adjusts(stack, level)), Caller(sends_webhooks(stack, level))]
    for caller in callers:
        caller.start()
    wait_for_acknowledged(callers)
    yield callers
    for caller in callers:
        caller.is_over.set()
    for caller in callers:
        caller.join(BACK_SECONDS)
    stack.wait_until_applied()
    (shown,) = stack.call("GET", f"/inventory/levels/{sku}/")["levels"]
    assert shown["on_hand"] == sum(caller.acknowledged for caller in callers)
    audit = stack.manage("audit_stock")
    assert audit.returncode == 0, audit.stdout


@pytest.mark.parametrize("program", CHECKS)
def test_what_hangs_is_named_and_recovers(stack: Stack, load: list[Caller], program: str) -> None:
    observer = Observer(stack)
    observer.wait_until(lambda wrong: not wrong)
    check, hanging = CHECKS[program], with_children(pids(stack)[program])

    send(signal.SIGSTOP, hanging)
    try:
        named_seconds = observer.wait_until(lambda wrong: wrong.get(check) == "failed")
        if program != "postgres":
            wait_for_acknowledged(load)
        observer.watch(HANGS_SECONDS)
        meanwhile = observer.ask()
    finally:
        send(signal.SIGCONT, hanging)
    observer.wait_until(lambda wrong: not wrong)
    wait_for_acknowledged(load)

    assert is_within(named_seconds, NAMED_SECONDS)
    assert is_within(observer.longest, ANSWER_SECONDS)
    assert meanwhile[check] == "failed"
    assert observer.failed == {check}


@pytest.mark.parametrize("program", CHECKS)
def test_what_is_killed_is_named_and_recovers(stack: Stack, load: list[Caller], program: str) -> None:
    observer = Observer(stack)
    observer.wait_until(lambda wrong: not wrong)
    check, killed = CHECKS[program], pids(stack)[program]

    send(signal.SIGKILL, [killed])
    named_seconds = observer.wait_until(lambda wrong: check in wrong)
    observer.wait_until(lambda wrong: not wrong)
    wait_for_acknowledged(load)

    assert pids(stack)[program] != killed
    assert is_within(named_seconds, NAMED_SECONDS)
    assert is_within(observer.longest, ANSWER_SECONDS)
    assert observer.failed <= {check}
