"""What no webhook told is found by the next incremental run, and counted."""

import pytest

from pms_backend import metrics
from pms_integration.models import PMSConnection, PMSStock
from products.models import Product
from tests.pms_integration.reports import apply
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.pms_integration.sync.running import count, counts, differences, fill, on_hand, sync

pytestmark = pytest.mark.django_db(transaction=True)


def missed() -> float:
    return metrics.pms_missed_webhooks_total.labels("demo")._value.get()


def test_lost_webhooks_are_made_up_for_and_counted(pms: PMSConnection, simulator: SimulatorHere) -> None:
    ids = fill(simulator, 4)
    before = missed()
    sync(pms)
    assert missed() == before, "nothing is missed before the first run"
    simulator.control(f"products/{ids[0]}", {"name": "Lamp"}, method="PATCH")
    simulator.control("stock/sell", {"sku": "A-1", "location": "W1", "quantity": 2})
    simulator.control("stock/sell", {"sku": "A-1", "location": "W1", "quantity": 1})

    run = sync(pms, "incremental")

    assert run.updated == 2
    assert (Product.objects.get(variants__sku="A-0").name, on_hand("A-1")) == ("Lamp", 2)
    assert missed() == before + 2


def test_what_a_webhook_told_is_not_counted(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 2)
    sync(pms)
    before = missed()
    simulator.control("stock/sell", {"sku": "A-1", "location": "W1", "quantity": 2})
    level = next(one for one in simulator.state()["stock"] if one["sku"] == "A-1" and one["location"] == "W1")
    told = {"sku": "A-1", "location": "W1", "delta": -2, "occurred_at": level["updated_at"]}
    assert apply(pms, "inventory.adjusted", told).status == "processed"

    run = sync(pms, "incremental")

    assert (on_hand("A-1"), missed(), differences(run)) == (3, before, [])


def test_an_incremental_run_asks_for_what_changed_since_the_last_one(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    """The last run's moment by the PMS's clock, here an hour ahead, less a quarter of an hour: all is recent enough."""
    simulator.control("clock", {"skew_seconds": 3600})
    fill(simulator, 3)
    first = sync(pms)
    assert first.status == "finished", first.errors
    simulator.control("clock", {"skew_seconds": 3600 + 16 * 60})
    count(simulator, "A-1", 1)

    second = sync(pms, "incremental")
    third = sync(pms, "incremental")

    assert counts(second) == {"processed": 6, "total": 6, "updated": 1, "unchanged": 5}
    assert counts(third) == {"processed": 1, "total": 1, "unchanged": 1}


def test_a_pulled_figure_comes_after_a_webhook_of_its_moment(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 1)
    sync(pms)
    stored = PMSStock.objects.get()
    assert (stored.webhook_id, stored.pulled_at is None) == ("", False)
    told = {
        "sku": "A-0", "location": "W1", "on_hand": 9, "version": stored.version,
        "occurred_at": stored.reported_at.isoformat(),
    }  # fmt: skip

    event = apply(pms, "inventory.updated", told)

    assert (event.status, event.reason, on_hand("A-0")) == ("ignored", "stale", 5)
