"""A PMS that accepts connections and never answers, asked again and again, stops nothing else."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from pms_backend.standalone.programs import WEB_PROCESSES, WEB_THREADS
from tests.flows.stack import Stack
from tests.flows.test_slow_work import make_product, on_hand, silent_server, until

pytestmark = pytest.mark.stack

# More than the web processes have threads.
ASKING = WEB_PROCESSES * WEB_THREADS + 2
WEBHOOKS = 20
HANGING = "/pms/connections/hanging"
HANGS = "The PMS does not answer: "


def ask(stack: Stack, is_over: threading.Event) -> Counter[str]:
    """Tests the connection until it is over; counts the answers."""
    answers: Counter[str] = Counter()
    url = f"{stack.quickstart['base_url']}/api/v1{HANGING}/test/"
    while not is_over.is_set():
        answer = stack.http.post(url, headers={"X-Api-Key": stack.quickstart["api_key"]})
        answers[HANGS if answer.json()["detail"].startswith(HANGS) else answer.json().get("code", "not called")] += 1
        time.sleep(0.05)
    return answers


@contextmanager
def being_asked(stack: Stack) -> Iterator[Counter[str]]:
    """Many ask at the same time; their answers are there at the end of the block."""
    is_over, answers = threading.Event(), Counter[str]()
    with ThreadPoolExecutor(ASKING) as pool:
        asking = [pool.submit(ask, stack, is_over) for _ in range(ASKING)]
        try:
            yield answers
        finally:
            is_over.set()
        for one in asking:
            answers += one.result()


@pytest.mark.slow
def test_webhooks_and_requests_go_on_while_a_pms_hangs(stack: Stack) -> None:
    make_product(stack, "HANG-1")
    level = {"sku": "HANG-1", "location": "main"}
    assert stack.send("inventory.updated", {**level, "on_hand": 100}, webhook_id="hang-0") == 202
    with silent_server() as (url, held):
        stack.call("POST", "/pms/connections/", json={"slug": "hanging", "name": "Hanging", "base_url": url})

        with being_asked(stack) as answers:
            until(lambda: bool(held))
            statuses = [
                stack.send("inventory.adjusted", {**level, "delta": -1}, webhook_id=f"hang-{number + 1}")
                for number in range(WEBHOOKS)
            ]
            until(lambda: on_hand(stack, "HANG-1") == 100 - WEBHOOKS)
            # Another connection is asked as before; it has no PMS to call.
            other = stack.call("POST", "/pms/connections/demo/test/")
            ready = stack.call("GET", f"{stack.quickstart['base_url']}/health/ready")

        state = stack.call("GET", f"{HANGING}/")["state"]

    assert set(statuses) == {202}
    assert other["detail"] == "The PMS demo only sends webhooks: it has no base URL."
    # The circuit of the PMS that hangs may be open, and what another test has restarted is degraded for a while.
    assert {check["status"] for check in ready["checks"].values()} <= {"ok", "degraded"}
    # It did hang, and whoever asked meanwhile was told so at once.
    assert answers[HANGS] >= 1
    assert answers["pms_busy"] > answers[HANGS]
    assert set(answers) <= {HANGS, "pms_busy", "not called"}
    assert state["last_error"].startswith(HANGS)
