"""A full run makes what the PMS has, and a second one finds nothing to do."""

import pytest

from pms_backend.events.models import Event
from pms_integration.models import PMSConnection, SyncReport
from products.models import Product, ProductStatus
from tests.factories import make_product
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import count, counts, differences, on_hand, sync

pytestmark = pytest.mark.django_db(transaction=True)


def test_products_and_stock_of_the_pms_are_made(pms: PMSConnection, simulator: SimulatorHere) -> None:
    for number in range(3):
        simulator.control("products", product(f"A-{number}"), 201)
        count(simulator, f"A-{number}", number + 1)

    run = sync(pms)

    assert (run.status, run.errors) == ("finished", [])
    assert counts(run) == {"processed": 6, "total": 6, "created": 6}
    assert [on_hand(f"A-{number}") for number in range(3)] == [1, 2, 3]
    assert differences(run)[0] == ("products", "A-0", "", "Product A-0", None, "create_here")
    assert differences(run)[3] == ("stock", "A-0", "on_hand[W1]", 1, None, "create_here")
    assert not SyncReport.objects.exists()
    assert set(Event.objects.filter(subject=f"sync_run:{run.pk}").values_list("type", flat=True)) == {
        "sync.started", "sync.progressed", "sync.finished",
    }  # fmt: skip


def test_a_second_run_writes_nothing(pms: PMSConnection, simulator: SimulatorHere) -> None:
    simulator.control("products", product(), 201)
    count(simulator, "A-1", 4)
    sync(pms)
    before = Event.objects.exclude(subject__startswith="sync_run").count()

    run = sync(pms)

    assert counts(run) == {"processed": 2, "total": 2, "unchanged": 2}
    assert differences(run) == []
    assert Event.objects.exclude(subject__startswith="sync_run").count() == before


def test_changes_are_taken_and_named_field_by_field(pms: PMSConnection, simulator: SimulatorHere) -> None:
    made = simulator.control("products", product(), 201)
    count(simulator, "A-1", 4)
    sync(pms)
    changed = {"name": "Lamp", "variants": [{"sku": "A-1", "price": "12.00", "barcode": "4006381333931"}]}
    simulator.control(f"products/{made['id']}", changed, method="PATCH")
    count(simulator, "A-1", 9)

    run = sync(pms, "incremental")

    assert counts(run) == {"processed": 2, "total": 2, "updated": 2}
    assert differences(run) == [
        ("products", "", "name", "Lamp", "Product A-1", "take_pms"),
        ("products", "A-1", "variants[A-1].barcode", "4006381333931", "", "take_pms"),
        ("products", "A-1", "variants[A-1].price", "12.00", "10.00", "take_pms"),
        ("stock", "A-1", "on_hand[W1]", 9, 4, "take_pms"),
    ]


def test_a_dry_run_of_a_first_contact_tells_and_writes_nothing(pms: PMSConnection, simulator: SimulatorHere) -> None:
    same, only_here = make_product("A-1", name="Ours"), make_product("B-1", name="Only here")
    simulator.control("products", product(), 201)
    simulator.control("products", product("C-1"), 201)
    for sku in ("A-1", "C-1"):
        count(simulator, sku, 4)
    before = Event.objects.count(), Product.objects.count()

    run = sync(pms, dry_run=True)

    assert (run.status, run.errors) == ("finished", [])
    assert counts(run) == {"processed": 4, "total": 4, "created": 3, "updated": 1}
    assert differences(run)[-2:] == [
        ("stock", "C-1", "on_hand[W1]", 4, None, "create_here"),
        ("products", "B-1", "", None, "Only here", "only_here"),
    ]
    assert [(one.action, one.sku, one.product_id) for one in run.differences.filter(field="").order_by("id")] == [
        ("link", "A-1", same.pk), ("create_here", "C-1", None), ("only_here", "B-1", only_here.pk),
    ]  # fmt: skip
    assert ("products", "", "name", "Product A-1", "Ours", "take_pms") in differences(run)
    assert Product.objects.get(pk=same.pk).name == "Ours"
    assert Product.objects.count() == before[1]
    assert set(Event.objects.order_by("id").values_list("type", flat=True)[before[0] :]) <= {
        "sync.started", "sync.progressed", "sync.finished",
    }  # fmt: skip


def test_a_product_that_is_deleted_there_is_archived_at_once(pms: PMSConnection, simulator: SimulatorHere) -> None:
    made = simulator.control("products", product(), 201)
    sync(pms)
    simulator.control(f"products/{made['id']}", method="DELETE")

    run = sync(pms, "incremental")

    assert counts(run) == {"processed": 1, "total": 1, "archived": 1}
    assert Product.objects.get().status == ProductStatus.ARCHIVED
    assert differences(run) == [("products", "", "status", "archived", "draft", "archive")]


def test_a_first_contact_links_by_sku_and_barcode_and_names_what_is_ambiguous(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    by_sku, by_barcode = make_product("A-1", name="By SKU"), make_product("OLD-2", name="By barcode")
    by_barcode.variants.update(barcode="4006381333931")
    first, second = make_product("X-1", name="One"), make_product("X-2", name="Two")
    two = [{"sku": f"X-{number}", "price": "1.00", "options": {"Size": str(number)}} for number in (1, 2)]
    simulator.control("products", product(), 201)
    barcoded = {"sku": "NEW-2", "price": "2.00", "barcode": "4006381333931"}
    simulator.control("products", {"name": "Barcoded", "variants": [barcoded]}, 201)
    simulator.control("products", {"name": "Both", "variants": two}, 201)

    told = sync(pms, dry_run=True, resources=["products"])
    run = sync(pms, resources=["products"])

    actions = {one.product_id: (one.action, one.detail) for one in told.differences.filter(action="link")}
    assert actions == {
        by_sku.pk: ("link", "Linked by SKU."),
        by_barcode.pk: ("link", "Linked by barcode: the SKU OLD-2 is now NEW-2."),
    }
    [ambiguous] = told.differences.filter(action="ambiguous")
    assert (ambiguous.pms, ambiguous.sku) == ("Both", "X-1")
    assert {one.product_id for one in told.differences.filter(action="only_here")} == {first.pk, second.pk}
    assert counts(run) == {"processed": 3, "total": 3, "updated": 2, "failed": 1}
    assert by_barcode.variants.get().sku == "NEW-2"
    assert Product.objects.count() == 4
