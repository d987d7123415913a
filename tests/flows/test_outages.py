"""Each part of the stack hangs, or is killed, under load.

Readiness names it within 10 s, metrics show it, one alert tells it and one that it is over; the rest goes on, it comes
back by itself, and nothing that was accepted is lost.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from pms_backend.operations.heartbeats import RECOVERY_SECONDS
from tests.flows.stack import Stack
from tests.flows.test_killed_processes import BACK_SECONDS, Caller, adjusts, pids, sends_webhooks, wait_for_acknowledged
from tests.machine import is_within
from tests.outbound.servers import LocalServer, saying, serving
from tests.waiting import wait_until

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
HANGS, KILLED = "hangs", "is killed"
# What a check says of it: a killed program may be back before anybody misses it.
NAMED = {HANGS: {"failed"}, KILLED: {"failed", "degraded"}}


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


@pytest.fixture(scope="module", params=[HANGS, KILLED])
def fault(request: pytest.FixtureRequest) -> str:
    """What happens to each program."""
    return str(request.param)


@pytest.fixture(scope="module")
def chat(fault: str) -> Iterator[LocalServer]:
    """Where alerts are told."""
    with serving(saying(b"ok")) as server:
        yield server


@pytest.fixture(scope="module")
def stack(fault: str, chat: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One for each fault: an alert that comes back within ten minutes is not told again."""
    stack = Stack(tmp_path_factory.mktemp("outages"))
    stack.environment["ALERT_WEBHOOK_URL"] = f"http://127.0.0.1:{chat.port}/"
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def told(chat: LocalServer, since: int) -> list[tuple[str, str]]:
    """The alerts and all-clears since so many messages, as (`ALERT` or `OVER`, its name)."""
    lines = [line for message in chat.received[since:] for line in orjson.loads(message.body)["text"].splitlines()]
    words = [line.partition(":")[0].split() for line in lines if line.startswith(("ALERT ", "OVER "))]
    return [(word, name) for word, name in words]


def gently(act: Callable[[httpx.Client, str], int]) -> Callable[[httpx.Client, str], int]:
    """The same with a pause, so that the load leaves time for what is tested."""

    def act_and_pause(client: httpx.Client, key: str) -> int:
        time.sleep(0.05)
        return act(client, key)

    return act_and_pause


@pytest.fixture
def load(stack: Stack) -> Iterator[list[Caller]]:
    """Clients and a PMS that change the stock of one SKU; at the end it is the sum of what was acknowledged."""
    sku = f"OUTAGE-{time.time_ns()}"
    if not any(location["code"] == LOCATION for location in stack.every("/inventory/locations/")):
        stack.call("POST", "/inventory/locations/", json={"code": LOCATION, "name": "Outages"})
    stack.call("POST", "/products/", json={"name": sku, "variants": [{"sku": sku, "price": "1.00"}]})
    level = {"sku": sku, "location": LOCATION}
    callers = [Caller(gently(act(stack, level))) for act in (adjusts, sends_webhooks)]
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


def break_it(pid: int, fault: str) -> Callable[[], None]:
    """Stops the process and those below it, or kills it; returns what mends that. The supervisor restarts by itself."""
    if fault == KILLED:
        send(signal.SIGKILL, [pid])
        return lambda: None
    stopped = with_children(pid)
    send(signal.SIGSTOP, stopped)
    return lambda: send(signal.SIGCONT, stopped)


def is_shown(stack: Stack, check: str) -> bool:
    """Whether `/metrics` shows that the check is not ok."""
    metrics = stack.http.get(f"{stack.quickstart['base_url']}/metrics").text
    return f'pms_check_ok{{check="{check}"}} 0.0' in metrics


@pytest.mark.parametrize("program", CHECKS)
def test_an_outage_is_named_and_told_and_recovers(
    stack: Stack, chat: LocalServer, load: list[Caller], fault: str, program: str
) -> None:
    check, pid = CHECKS[program], pids(stack)[program]
    observer = Observer(stack)
    observer.wait_until(lambda wrong: not wrong)
    if fault == HANGS:
        # Until then nobody can tell a worker that hangs from one that still recovers from the outage before.
        observer.watch(RECOVERY_SECONDS)
    messages = len(chat.received)

    mend = break_it(pid, fault)
    try:
        named_seconds = observer.wait_until(lambda wrong: wrong.get(check) in NAMED[fault])
        if program != "postgres":
            wait_for_acknowledged(load)
        if fault == HANGS:
            observer.watch(HANGS_SECONDS)
            meanwhile = (observer.ask()[check], is_shown(stack, check))
    finally:
        mend()
    observer.wait_until(lambda wrong: not wrong)
    wait_for_acknowledged(load)
    wait_until(lambda: ("OVER", check) in told(chat, messages), "the all-clear")

    assert is_within(named_seconds, NAMED_SECONDS)
    assert is_within(observer.longest, ANSWER_SECONDS)
    assert observer.failed <= {check}
    if fault == HANGS:
        assert meanwhile == ("failed", True)
    assert told(chat, messages) == [("ALERT", check), ("OVER", check)]
