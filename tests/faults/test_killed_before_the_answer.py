"""A web process killed between its commit and its response: a retry gets the response."""

import json
import os
import signal
import subprocess
import sys

import pytest
from django.test import Client

from inventory.models import StockMovement
from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product
from tests.faults.celery_processes import ROOT, database_url

pytestmark = pytest.mark.django_db(transaction=True)

ADJUSTMENTS = "/api/v1/inventory/adjustments/"
RECEIPT = json.dumps({"sku": "A-1", "location": "main", "delta": 5, "reason": "receipt"})


def test_a_retry_gets_the_lost_response() -> None:
    make_location("main")
    make_product("A-1")
    key = create_api_client(name="tests", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key

    killed = subprocess.run(
        [sys.executable, "-m", "tests.faults.dies_before_the_answer", ADJUSTMENTS, RECEIPT, key, "k-1"],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": database_url()}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    movement = StockMovement.objects.get()
    headers = {"X-Api-Key": key, "Idempotency-Key": "k-1"}
    retried = Client().post(ADJUSTMENTS, RECEIPT, content_type="application/json", headers=headers)

    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "201"), killed.stderr
    assert (retried.status_code, retried["Idempotency-Replayed"]) == (201, "true")
    assert retried.json()["movement"]["id"] == movement.pk
    assert StockMovement.objects.count() == 1
    assert find_mismatches() == []
