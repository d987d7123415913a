"""One poisonous event of each kind among many: the others are applied, and it is dead with its reason."""

import os
import subprocess
import sys
import time

import pytest
from django.db import connection as database
from django.db.models import Sum

from inventory.models import StockLevel, StockMovement
from pms_backend.operations.audit import find_mismatches
from pms_integration.models import PMSConnection, PMSEvent
from pms_integration.services.retries import MAX_CRASHES
from tests.factories import make_connection, make_location, make_product
from tests.faults.celery_processes import ROOT, database_url
from tests.pms_integration.reports import delta, receive

pytestmark = pytest.mark.django_db(transaction=True)

SKUS = [f"A-{number}" for number in range(20)]
KILLED = -9
BOUND_SECONDS = 300
# PostgreSQL's own error, for the movement of one message.
DEADLOCK = """
CREATE FUNCTION deadlocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reference = 'deadlocks' THEN
        RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER deadlocks BEFORE INSERT ON inventory_stockmovement FOR EACH ROW EXECUTE FUNCTION deadlocks()
"""


@pytest.fixture
def pms() -> PMSConnection:
    for sku in SKUS:
        make_product(sku)
    return make_connection(owns=make_location("main"))


@pytest.fixture
def _deadlocks():
    with database.cursor() as cursor:
        cursor.execute(DEADLOCK)
    yield
    with database.cursor() as cursor:
        cursor.execute("DROP FUNCTION deadlocks() CASCADE")


def work() -> int:
    """Starts the worker again each time that it is killed, as a supervisor does; returns how often it was."""
    began, deaths = time.monotonic(), 0
    environment = {**os.environ, "DATABASE_URL": database_url()}
    command = [sys.executable, "-m", "tests.faults.poisonous_worker"]
    while (code := subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode) == KILLED:
        deaths += 1
        assert time.monotonic() - began < BOUND_SECONDS
    assert code == 0
    return deaths


@pytest.mark.usefixtures("_deadlocks")
@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_each_kind_of_poison_costs_itself_only(pms: PMSConnection, count: int) -> None:
    poison = {count // 4: "raises", count // 2: "kills", 3 * count // 4: "deadlocks"}
    for number in range(count):
        data = delta(1, minute=-1, sku=SKUS[number % len(SKUS)], reference=poison.get(number, f"R-{number}"))
        receive(pms, "inventory.adjusted", data, webhook_id=f"m-{number}")

    deaths = work()

    assert deaths == MAX_CRASHES
    dead = dict(PMSEvent.objects.filter(status="dead").values_list("webhook_id", "reason"))
    reasons = {poison[int(webhook_id.removeprefix("m-"))]: reason for webhook_id, reason in dead.items()}
    assert reasons.keys() == {"raises", "kills", "deadlocks"}
    assert "ZeroDivisionError: a poisonous message" in reasons["raises"]
    assert reasons["kills"] == f"Its worker died {MAX_CRASHES} times."
    assert "deadlock detected" in reasons["deadlocks"]
    assert PMSEvent.objects.filter(status="processed").count() == count - len(poison)
    assert StockMovement.objects.count() == count - len(poison)
    assert StockLevel.objects.aggregate(sum=Sum("on_hand"))["sum"] == count - len(poison)
    assert find_mismatches() == []
