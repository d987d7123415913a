"""What is missing from a list, and runs that would take much away."""

import pytest

from inventory.services import adjust_stock
from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.exceptions import SyncNotHeld, SyncRunning
from pms_integration.models import PMSConnection, PMSProduct, SyncDifference
from products.models import Product, ProductStatus
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import count, counts, differences, fill, go_on, on_hand, sync

pytestmark = pytest.mark.django_db(transaction=True)


def archived() -> int:
    return Product.objects.filter(status=ProductStatus.ARCHIVED).count()


def test_a_list_that_ends_early_archives_nothing(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 3)
    sync(pms)
    simulator.set_faults({"truncated_listing": 1.0})

    cut = sync(pms)
    simulator.set_faults({})
    whole = sync(pms)

    assert simulator.counters()["faults.truncated_listing"] > 0
    assert (cut.status, whole.status, archived()) == ("finished", "finished", 0)
    assert set(PMSProduct.objects.values_list("missed_lists", flat=True)) == {0}


def test_an_empty_list_archives_nothing_however_often_it_comes(pms: PMSConnection, simulator: SimulatorHere) -> None:
    sync_with_gone(pms, simulator, fill(simulator, 3), keep=0)

    assert [sync(pms).status for _ in range(3)] == ["finished"] * 3
    assert archived() == 0


def sync_with_gone(pms: PMSConnection, simulator: SimulatorHere, ids: list[str], *, keep: int) -> None:
    """Syncs, then lets the PMS forget its last products without a tombstone."""
    sync(pms)
    with simulator.running.simulation.transaction(is_silent=True) as work:
        for gone in ids[keep:]:
            work.db.execute("DELETE FROM product WHERE id = ?", [gone])


def test_a_product_is_archived_when_the_second_whole_list_does_not_have_it(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    sync_with_gone(pms, simulator, fill(simulator, 3), keep=2)

    first = sync(pms)
    assert (counts(first).get("archived"), archived()) == (None, 0)
    assert sync(pms, dry_run=True).differences.get(action="archive").field == "status"
    assert archived() == 0

    second = sync(pms)
    assert (second.archived, archived()) == (1, 1)
    assert Product.objects.get(status=ProductStatus.ARCHIVED).variants.get().sku == "A-2"
    assert counts(sync(pms)).get("archived") is None


def test_a_product_that_is_back_in_the_list_is_counted_anew(pms: PMSConnection, simulator: SimulatorHere) -> None:
    ids = fill(simulator, 2)
    sync_with_gone(pms, simulator, ids, keep=1)
    sync(pms)
    simulator.control("products", {**product("A-1"), "id": ids[1]}, 201)
    sync(pms)
    with simulator.running.simulation.transaction(is_silent=True) as work:
        work.db.execute("DELETE FROM product WHERE id = ?", [ids[1]])

    sync(pms)

    assert archived() == 0


def test_an_archived_product_that_is_listed_again_is_restored(pms: PMSConnection, simulator: SimulatorHere) -> None:
    ids = fill(simulator, 2)
    sync_with_gone(pms, simulator, ids, keep=1)
    sync(pms)
    sync(pms)
    assert archived() == 1
    simulator.control("products", {**product("A-1"), "id": ids[1]}, 201)

    sync(pms)

    assert archived() == 0


def test_an_incremental_list_makes_nothing_missing(pms: PMSConnection, simulator: SimulatorHere) -> None:
    sync_with_gone(pms, simulator, fill(simulator, 3), keep=2)

    for _ in range(3):
        sync(pms, "incremental")

    assert archived() == 0
    assert set(PMSProduct.objects.values_list("missed_lists", flat=True)) == {0}


def test_a_run_that_would_empty_many_levels_waits_until_it_is_confirmed(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    fill(simulator, 350)
    sync(pms)
    for index in range(21):
        count(simulator, f"A-{index}", 0)
    before = Event.objects.count(), SyncDifference.objects.count()

    run = sync(pms, "incremental")

    assert (run.status, run.held_because) == (
        "held", "It would take to zero 21 of 350 levels: more than 20, and more than 5%.",
    )  # fmt: skip
    assert (counts(run)["total"], run.processed) == (350 + 350, 0)
    assert {on_hand(f"A-{index}") for index in range(21)} == {5}
    assert SyncDifference.objects.count() == before[1]
    written = Event.objects.order_by("id").values_list("type", flat=True)[before[0] :]
    assert set(written) == {"sync.started", "sync.progressed", "sync.held"}
    with pytest.raises(SyncRunning, match=str(run.pk)):
        sync(pms)

    services.confirm_sync(run_id=run.pk)
    go_on(run)

    assert (run.status, run.updated) == ("finished", 21)
    assert {on_hand(f"A-{index}") for index in range(21)} == {0}
    with pytest.raises(SyncNotHeld, match="finished"):
        services.confirm_sync(run_id=run.pk)


@pytest.mark.parametrize(("gone", "status"), [(20, "finished"), (21, "held")])
def test_a_run_is_held_above_twenty_of_few(
    pms: PMSConnection, simulator: SimulatorHere, gone: int, status: str
) -> None:
    ids = fill(simulator, 30, on_hand=None)
    sync(pms)
    for product_id in ids[:gone]:
        simulator.control(f"products/{product_id}", method="DELETE")

    run = sync(pms, "incremental")

    assert run.status == status
    assert archived() == (gone if status == "finished" else 0)


def test_a_figure_that_repeats_an_old_one_takes_nothing_away(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 25, on_hand=0)
    sync(pms)
    for index in range(25):
        adjust_stock(sku=f"A-{index}", location="main", delta=3, reason="receipt")

    run = sync(pms)

    assert (run.status, on_hand("A-0")) == ("finished", 3)
    assert differences(run) == []


def test_a_dry_run_is_never_held(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 25)
    sync(pms)
    for index in range(25):
        count(simulator, f"A-{index}", 0)

    run = sync(pms, dry_run=True)

    assert (run.status, len(differences(run)), on_hand("A-0")) == ("finished", 25, 5)
