"""What differs at night, although nothing is on its way."""

import logging

import pytest

from inventory.services import adjust_stock
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.models import PMSConnection, SyncRun
from tests.factories import make_connection
from tests.pms_integration.simulator.calling import SimulatorHere

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_dry_run_says_what_differs_and_the_log_that_it_does(
    pms: PMSConnection, simulator: SimulatorHere, caplog: pytest.LogCaptureFixture
) -> None:
    make_connection("inbound")
    simulator.control("stock/sell?silent=1", {"sku": "A-1", "location": "W2", "quantity": 3})
    services.start_sync(slug="demo", mode="full", resources=["stock"])
    services.run_syncs()
    caplog.set_level(logging.ERROR, "pms_integration")

    assert services.look_for_drift() == 1
    services.run_syncs()

    run = SyncRun.objects.latest("id")
    assert (run.connection.slug, run.dry_run, run.status) == ("demo", True, "finished")
    found = run.differences.filter(resource="stock").values_list("sku", "field", "pms", "local", "action")
    assert list(found) == [("A-1", "on_hand[W2]", 7, 10, "none")]
    assert "Levels whose stock differs from that of the PMS demo, and no push explains it: 1" in caplog.text


def test_what_is_on_its_way_is_no_drift(pms: PMSConnection, caplog: pytest.LogCaptureFixture) -> None:
    adjust_stock(sku="A-1", location="outlet", delta=-2, reason="sale")
    caplog.set_level(logging.ERROR, "pms_integration")
    services.look_for_drift()
    relay_pending()

    services.look_for_drift()

    assert "differs" not in caplog.text
