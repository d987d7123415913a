"""Each process of the stack is killed, or stopped for a while, under load: what was acknowledged has happened, once."""

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable

import httpx
import orjson
import pytest

from tests.flows.stack import Stack
from tests.machine import is_within

pytestmark = pytest.mark.stack

ADJUSTING, SENDING = 3, 1
BACK_SECONDS = 60
# What the issue of killed web processes promises.
WEB_BACK_SECONDS = 3


class Caller(threading.Thread):
    """Does one thing after another; each is tried again until it is acknowledged."""

    def __init__(self, act: Callable[[httpx.Client, str], int]) -> None:
        super().__init__(daemon=True)
        self.acknowledged = 0
        self.is_over = threading.Event()
        self._act = act

    def run(self) -> None:
        with httpx.Client(timeout=10) as client:
            while not self.is_over.is_set():
                key = uuid.uuid4().hex
                while not self._is_acknowledged(client, key):
                    time.sleep(0.05)
                self.acknowledged += 1

    def _is_acknowledged(self, client: httpx.Client, key: str) -> bool:
        try:
            status = self._act(client, key)
        except httpx.HTTPError:
            return False
        assert status < 300 or status in (409, 503), status
        return status < 300


def adjusts(stack: Stack, level: dict[str, str]) -> Callable[[httpx.Client, str], int]:
    body = {**level, "delta": 1, "reason": "receipt"}
    url = f"{stack.quickstart['base_url']}/api/v1/inventory/adjustments/"
    key = stack.quickstart["api_key"]
    return lambda client, name: (
        client.post(url, json=body, headers={"X-Api-Key": key, "Idempotency-Key": name}).status_code
    )


def sends_webhooks(stack: Stack, level: dict[str, str]) -> Callable[[httpx.Client, str], int]:
    data = {**level, "delta": 1}
    return lambda _, name: stack.send("inventory.adjusted", data, webhook_id=name)


def pids(stack: Stack) -> dict[str, int]:
    """Every program of the stack by its name, servers included."""
    recorded = orjson.loads((stack.data_dir / "run/processes.json").read_bytes())["processes"]
    return {entry["name"]: entry["pid"] for entry in recorded}


def wait_until_back(stack: Stack, killed: dict[str, int]) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while any(pids(stack).get(name) in (None, pid) for name, pid in killed.items()):
        assert time.monotonic() < deadline, killed
        time.sleep(0.05)
    while True:
        try:
            if httpx.get(f"{stack.quickstart['base_url']}/health/ready", timeout=10).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, killed
        time.sleep(0.1)


def kill(stack: Stack, *names: str) -> float:
    """Kills programs at once; returns how long it took until the web address answered again."""
    killed = {name: pids(stack)[name] for name in names}
    for pid in killed.values():
        os.kill(pid, signal.SIGKILL)
    began = time.monotonic()
    httpx.get(f"{stack.quickstart['base_url']}/health/live", timeout=30)
    seconds = time.monotonic() - began
    wait_until_back(stack, killed)
    return seconds


def wait_for_acknowledged(callers: list[Caller]) -> None:
    """Waits until each caller has been acknowledged once more: all that it needs is at work."""
    before = [caller.acknowledged for caller in callers]
    deadline = time.monotonic() + BACK_SECONDS
    while any(caller.acknowledged <= count for caller, count in zip(callers, before, strict=True)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("is_one_by_one", "stopped_seconds"),
    [(False, 2), pytest.param(True, 5, marks=pytest.mark.slow)],
    ids=["several at once", "one after the other"],
)
def test_nothing_acknowledged_is_lost_whatever_is_killed(stack: Stack, is_one_by_one: bool, stopped_seconds: int):
    level = {"sku": f"KILLED-{stopped_seconds}", "location": f"killed-{stopped_seconds}"}
    stack.call("POST", "/inventory/locations/", json={"code": level["location"], "name": "Killed"})
    stack.call("POST", "/products/", json={"name": "Killed", "variants": [{"sku": level["sku"], "price": "1.00"}]})
    callers = [Caller(adjusts(stack, level)) for _ in range(ADJUSTING)] + [
        Caller(sends_webhooks(stack, level)) for _ in range(SENDING)
    ]
    for caller in callers:
        caller.start()

    web_seconds = kill(stack, "web")
    servers = ["web", "redis", "postgres"]
    others = [name for name in pids(stack) if name not in servers]
    for names in [[name] for name in (*others, *servers)] if is_one_by_one else [others, ["redis"], ["postgres"]]:
        kill(stack, *names)
        wait_for_acknowledged(callers)
    for name in ("redis", "postgres"):
        group = os.getpgid(pids(stack)[name])
        os.killpg(group, signal.SIGSTOP)
        time.sleep(stopped_seconds)
        os.killpg(group, signal.SIGCONT)
        wait_for_acknowledged(callers)
    for caller in callers:
        caller.is_over.set()
    for caller in callers:
        caller.join(BACK_SECONDS)
    stack.wait_until_applied()

    assert is_within(web_seconds, WEB_BACK_SECONDS)
    acknowledged = [caller.acknowledged for caller in callers]
    assert min(acknowledged) > 10
    (shown,) = stack.call("GET", f"/inventory/levels/{level['sku']}/")["levels"]
    assert shown["on_hand"] == sum(acknowledged)
    audit = stack.manage("audit_stock")
    assert audit.returncode == 0, audit.stdout
