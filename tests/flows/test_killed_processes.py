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

pytestmark = pytest.mark.stack

SKU, LOCATION = "KILLED-1", "killed"
ADJUSTING, SENDING = 3, 1
BACK_SECONDS = 60
# What the issue of killed web processes promises.
WEB_BACK_SECONDS = 3
STOPPED_SECONDS = 5


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


def adjusts(stack: Stack) -> Callable[[httpx.Client, str], int]:
    body = {"sku": SKU, "location": LOCATION, "delta": 1, "reason": "receipt"}
    url = f"{stack.quickstart['base_url']}/api/v1/inventory/adjustments/"
    key = stack.quickstart["api_key"]
    return lambda client, name: (
        client.post(url, json=body, headers={"X-Api-Key": key, "Idempotency-Key": name}).status_code
    )


def sends_webhooks(stack: Stack) -> Callable[[httpx.Client, str], int]:
    data = {"sku": SKU, "location": LOCATION, "delta": 1}
    return lambda _, name: stack.send("inventory.adjusted", data, webhook_id=name)


def pids(stack: Stack) -> dict[str, int]:
    """Every program of the stack by its name, servers included."""
    recorded = orjson.loads((stack.data_dir / "run/processes.json").read_bytes())["processes"]
    return {entry["name"]: entry["pid"] for entry in recorded}


def wait_until_back(stack: Stack, name: str, killed: int) -> None:
    deadline = time.monotonic() + BACK_SECONDS
    while pids(stack).get(name) in (None, killed):
        assert time.monotonic() < deadline, name
        time.sleep(0.05)
    while True:
        try:
            if httpx.get(f"{stack.quickstart['base_url']}/health/ready", timeout=10).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, name
        time.sleep(0.1)


def kill(stack: Stack, name: str) -> float:
    """Kills a program; returns how long it took until the web address answered again."""
    killed = pids(stack)[name]
    os.kill(killed, signal.SIGKILL)
    began = time.monotonic()
    httpx.get(f"{stack.quickstart['base_url']}/health/live", timeout=30)
    seconds = time.monotonic() - began
    wait_until_back(stack, name, killed)
    return seconds


def test_nothing_acknowledged_is_lost_whatever_is_killed(stack: Stack):
    stack.call("POST", "/inventory/locations/", json={"code": LOCATION, "name": "Killed"})
    stack.call("POST", "/products/", json={"name": "Killed", "variants": [{"sku": SKU, "price": "1.00"}]})
    callers = [Caller(adjusts(stack)) for _ in range(ADJUSTING)] + [
        Caller(sends_webhooks(stack)) for _ in range(SENDING)
    ]
    for caller in callers:
        caller.start()

    web_seconds = kill(stack, "web")
    for name in pids(stack):
        kill(stack, name)
    for name in ("redis", "postgres"):
        group = os.getpgid(pids(stack)[name])
        os.killpg(group, signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)
        os.killpg(group, signal.SIGCONT)
    time.sleep(1)
    for caller in callers:
        caller.is_over.set()
    for caller in callers:
        caller.join(BACK_SECONDS)
    stack.wait_until_applied()

    assert web_seconds < WEB_BACK_SECONDS
    acknowledged = [caller.acknowledged for caller in callers]
    assert min(acknowledged) > 10
    (level,) = stack.call("GET", f"/inventory/levels/{SKU}/")["levels"]
    assert level["on_hand"] == sum(acknowledged)
    audit = stack.manage("audit_stock")
    assert audit.returncode == 0, audit.stdout
