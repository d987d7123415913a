"""A long import and a server of pictures that never answers delay nothing that has to be quick."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.flows.stack import Stack
from tests.machine import is_within

pytestmark = pytest.mark.stack

# What the issue promises from a webhook's answer to its effect.
EFFECT_SECONDS = 2.0
# What beat sends every two seconds is done by then, whatever else runs.
SWEEP_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
IMPORTED_PRODUCTS = 8_000
PICTURES = 6
WEBHOOKS = 10


@contextmanager
def silent_server() -> Iterator[tuple[str, list[socket.socket]]]:
    """The URL of a server that accepts and never answers, and the connections that it holds."""
    held: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:

        def accept() -> None:
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", held
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in held:
                connection.close()


def until(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
    """Waits until it holds; returns how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


def make_product(stack: Stack, sku: str, **more: object) -> dict[str, object]:
    variants = [{"sku": sku, "price": "1.00", "currency": "EUR"}]
    return stack.call("POST", "/products/", json={"name": sku, "status": "active", "variants": variants, **more})


def start_import(stack: Stack, prefix: str) -> str:
    rows = (f"{prefix}-{number},Lamp {number},5,{number % 90}\n" for number in range(IMPORTED_PRODUCTS))
    content = "Handle,Title,Variant Price,Variant Inventory Qty\n" + "".join(rows)
    return stack.call("POST", "/products/imports/", files={"file": (f"{prefix}.csv", content)})["id"]


def status(stack: Stack, job: str) -> str:
    return stack.call("GET", f"/products/imports/{job}/")["status"]


def on_hand(stack: Stack, sku: str) -> int:
    return sum(level["on_hand"] for level in stack.call("GET", f"/inventory/levels/{sku}/")["levels"])


@pytest.mark.slow
def test_slow_work_delays_nothing_quick(stack: Stack) -> None:
    product = make_product(stack, "QUICK-1")
    expected = 50
    level = {"sku": "QUICK-1", "location": "main"}
    assert stack.send("inventory.updated", {**level, "on_hand": expected}, webhook_id="q-0") == 202
    until(lambda: on_hand(stack, "QUICK-1") == expected)

    with silent_server() as (url, held):
        for number in range(PICTURES):
            stack.call("POST", f"/products/{product['id']}/images/", json={"url": f"{url}/{number}.png"})
        jobs = [start_import(stack, prefix) for prefix in ("slow-a", "slow-b")]
        until(lambda: bool(held) and any(status(stack, job) == "running" for job in jobs))

        delays = []
        for number in range(WEBHOOKS):
            left = expected - number - 1
            assert stack.send("inventory.adjusted", {**level, "delta": -1}, webhook_id=f"q-{number + 1}") == 202
            delays.append(until(lambda left=left: on_hand(stack, "QUICK-1") == left))
        soon = datetime.now(tz=UTC) + timedelta(seconds=1)
        draft = make_product(stack, "QUICK-2", status="draft")
        stack.call("POST", f"/products/{draft['id']}/publish/", json={"publish_at": soon.isoformat()})
        lines = [{"sku": "QUICK-1", "quantity": 1}]
        held_back = stack.call(
            "POST", "/inventory/reservations/", json={"reference": "quick", "lines": lines, "expires_in": 1}
        )
        until(lambda: stack.call("GET", f"/products/{draft['id']}/")["status"] == "active", SWEEP_SECONDS)
        until(
            lambda: stack.call("GET", f"/inventory/reservations/{held_back['id']}/")["status"] == "expired",
            SWEEP_SECONDS,
        )
        assert is_within(max(delays), EFFECT_SECONDS), delays
        # Otherwise nothing was shown; and neither waits for the other, nor for the pictures.
        assert [status(stack, job) for job in jobs] == ["running", "running"]
    until(lambda: {status(stack, job) for job in jobs} == {"finished"})
