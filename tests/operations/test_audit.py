"""`manage.py audit_stock` finds and names mismatches, and repairs levels from a consistent ledger."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from inventory import services as inventory
from inventory.exceptions import LedgerContradictsItself
from inventory.models import StockLevel, StockMovement
from pms_backend.events import services as events
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from products import services as products
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

CHANGED = "stock.changed"


def audit(*arguments: str) -> tuple[int, list[str], list[str]]:
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("audit_stock", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        code = int(str(end.code))
    return code, out.getvalue().splitlines(), err.getvalue().splitlines()


def past_the_triggers(statement: str) -> None:
    """Runs a statement without triggers, as a superuser can."""
    tables = ("inventory_stocklevel", "inventory_stockmovement")
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def level() -> StockLevel:
    return StockLevel.objects.get(variant__sku="A-1")


def versions() -> list[int]:
    return [event.data["level"]["version"] for event in Event.objects.filter(type=CHANGED).order_by("id")]


@pytest.fixture(autouse=True)
def _stock() -> None:
    """Eight lamps after three changes, one of them no movement; and a chair that nobody touches."""
    make_location("main")
    make_product("A-1")
    make_product("B-1", name="Chair")
    set_stock("B-1", "main", 1)
    set_stock("A-1", "main", 10)
    inventory.update_level(sku="A-1", location="main", values={"reorder_point": 2})
    inventory.adjust_stock(sku="A-1", location="main", delta=-2, reason="sale")


def test_when_everything_agrees_it_says_so():
    assert audit() == (0, ["Every level agrees with its ledger, and every change has its event."], [])
    assert audit("--repair") == (0, ["Every level agrees with its ledger, and every change has its event."], [])
    assert level().version == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE inventory_stocklevel SET on_hand = 9",
        "UPDATE inventory_stocklevel SET version = 1 WHERE version = 3",
        "UPDATE inventory_stocklevel SET is_oversold = true",
        "UPDATE inventory_stocklevel SET counted_on_hand = 77",
    ],
)
def test_a_wrong_level_is_found_and_repaired(statement: str):
    past_the_triggers(statement)
    code, lines, _ = audit()
    assert code == 1
    assert any(line.startswith("A-1 at main: on_hand") for line in lines)

    code, lines, _ = audit("--repair")

    assert code == 0
    assert lines[-1] == "Every level agrees with its ledger, and every change has its event."
    repaired = level()
    assert (repaired.on_hand, repaired.version, repaired.is_oversold) == (8, 4, False)
    event = Event.objects.filter(type=CHANGED, subject="level:main/A-1").order_by("id").last()
    assert event.data["movement"] is None
    assert (event.data["level"]["on_hand"], event.data["level"]["version"]) == (8, 4)
    assert list(StockMovement.objects.filter(level=repaired).order_by("id").values_list("delta", flat=True)) == [10, -2]


def test_a_ledger_that_contradicts_itself_is_not_repaired():
    past_the_triggers("UPDATE inventory_stockmovement SET delta = -3 WHERE delta = -2")
    recorded = Event.objects.count()

    code, lines, errors = audit("--repair")

    assert code == 1
    assert errors[0].startswith("A-1 at main is not repaired: 1 of the movements of")
    assert lines[0].startswith("A-1 at main: on_hand 8, its movements add up to 7; 1 broken links")
    assert (level().on_hand, level().version, Event.objects.count()) == (8, 3, recorded)
    with pytest.raises(LedgerContradictsItself):
        inventory.repair_level(level_id=level().pk)


def test_a_right_level_stays_as_it_is():
    recorded = Event.objects.count()

    assert inventory.repair_level(level_id=level().pk) is None
    assert (level().version, Event.objects.count()) == (3, recorded)


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(
    ("version", "found"), [(1, "2 versions, 2 to 3"), (2, "2 versions, 1 to 3"), (3, "2 versions, 1 to 2")]
)
def test_a_change_without_an_event_is_found_and_cannot_be_repaired(version: int, found: str, published: bool):
    if published:
        events.relay_pending()
    Event.objects.filter(type=CHANGED, subject="level:main/A-1", data__level__version=version).delete()

    code, lines, errors = audit("--repair")

    assert (code, errors) == (1, ["1 levels or rows do not agree."])
    assert lines == [f"A-1 at main: version 3, its events have {found}"]


def test_a_level_without_any_event_is_found():
    Event.objects.filter(subject="level:main/A-1").delete()

    assert [str(found) for found in find_mismatches()] == ["A-1 at main: version 3, its events have no version"]


def test_a_change_older_than_the_retention_needs_no_event():
    events.relay_pending()
    old = timezone.now() - timedelta(days=31)
    Event.objects.update(occurred_at=old)
    StockLevel.objects.update(updated_at=old)
    events.prune_events()
    assert not Event.objects.exists()
    assert find_mismatches() == []

    inventory.adjust_stock(sku="A-1", location="main", delta=1, reason="receipt")
    assert versions() == [4]
    assert find_mismatches() == []

    Event.objects.all().delete()
    assert len(find_mismatches()) == 1


def test_a_renamed_sku_keeps_its_history():
    variant = level().variant
    products.update_product(product_id=variant.product_id, data={"variants": [{"id": variant.pk, "sku": "A-9"}]})
    inventory.update_level(sku="A-9", location="main", values={"reorder_point": 3})

    assert find_mismatches() == []
