"""`make demo` against the running stack: a day that ends well, and one that does not."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from tests.flows.stack import ROOT, Stack

pytestmark = pytest.mark.stack

EVENTS = 40
# At a location that the demo leaves alone.
CHANGE_A_LEVEL = """
UPDATE inventory_stocklevel SET on_hand = on_hand + %s WHERE id = (
    SELECT min(level.id) FROM inventory_stocklevel AS level
    JOIN inventory_location AS location ON location.id = level.location_id WHERE location.code = 'east')
"""


def live_a_day(stack: Stack) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pms_backend.standalone.demo", "--events", str(EVENTS), "--rate", "0"]
    return subprocess.run(command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False)


@contextmanager
def unexplained_stock(stack: Stack) -> Iterator[None]:
    """Adds a unit without a movement, past the triggers."""
    with psycopg.connect(stack.quickstart["database_url"], autocommit=True) as database:
        database.execute("SET session_replication_role = replica")
        database.execute(CHANGE_A_LEVEL, [1])
        try:
            yield
        finally:
            database.execute(CHANGE_A_LEVEL, [-1])


@pytest.mark.slow
def test_a_day_ends_in_agreement(stack: Stack) -> None:
    before = stack.wait_until_applied()

    day = live_a_day(stack)

    after = stack.wait_until_applied()
    assert day.returncode == 0, day.stdout + day.stderr
    assert day.stdout.endswith("OK: the PMS, API, WebSocket and ledger agree\n")
    assert day.stderr == ""
    assert "The stack calls Simulated PMS, which answers within " in day.stdout
    # The PMS has ended, and nothing calls it any more.
    assert stack.call("GET", "/pms/connections/demo/")["base_url"] is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(re.findall(r"http://\S+(?=/_simulator)", day.stdout)[0])
    settled = {state: after.get(state, 0) - before.get(state, 0) for state in ("processed", "ignored", "dead")}
    assert (settled["processed"] + settled["ignored"], settled["dead"]) == (EVENTS, 0)


@pytest.mark.slow
def test_stock_that_disagrees_with_the_ledger_fails_the_day(stack: Stack) -> None:
    with unexplained_stock(stack):
        day = live_a_day(stack)

    assert day.returncode == 1
    assert "audit_stock: " in day.stdout
    assert day.stdout.endswith("FAILED\n")
