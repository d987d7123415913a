"""History of levels' settings and of locations; stock movements have the ledger."""

import pytest

from inventory import services
from inventory.models import Location, StockLevel
from pms_backend.access.models import AuditEntry
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.history import changes_of, history_writes

pytestmark = pytest.mark.django_db

INVENTORY = "/api/v1/inventory/"
LEVEL = f"{INVENTORY}levels/A-1/main/"


@pytest.fixture
def stocked() -> StockLevel:
    make_product("A-1")
    make_location("main")
    make_location("west")
    set_stock("A-1", "main", 10)
    return StockLevel.objects.get()


def test_the_settings_of_a_level_are_in_it_in_one_statement(api: JSONClient, stocked: StockLevel):
    services.update_level(sku="A-1", location="main", values={"reorder_point": 2})

    with history_writes() as writes:
        api.patch(LEVEL, {"reorder_point": 5, "backorder_limit": 3})
    with history_writes() as writes_of_nothing:
        api.patch(LEVEL, {"reorder_point": 5})

    entry = AuditEntry.objects.latest("id")
    assert (len(writes), writes_of_nothing) == (1, [])
    assert (entry.action, entry.subject, entry.name) == ("level.updated", f"level:{stocked.pk}", "A-1, main")
    assert changes_of(entry) == [("reorder_point", 2, 5), ("backorder_limit", 0, 3)]


def test_a_location_is_in_it_by_its_id(api: JSONClient):
    main = make_location("main", priority=1)

    with history_writes() as writes:
        api.patch(f"{INVENTORY}locations/main/", {"code": "hq", "priority": 2})
    with history_writes() as writes_of_nothing:
        api.patch(f"{INVENTORY}locations/hq/", {"priority": 2})

    entry = AuditEntry.objects.latest("id")
    assert (len(writes), writes_of_nothing) == (1, [])
    assert (entry.subject, entry.name, entry.door) == (f"location:{main.pk}", "Main (hq)", "api")
    assert changes_of(entry) == [("code", "main", "hq"), ("priority", 1, 2)]


def test_a_refused_change_of_a_location_leaves_none(api: JSONClient, stocked: StockLevel):
    before = AuditEntry.objects.count()

    assert api.patch(f"{INVENTORY}locations/main/", {"is_active": False}).status_code == 409

    assert (AuditEntry.objects.count(), Location.objects.get(code="main").is_active) == (before, True)


def test_stock_has_none(api: JSONClient, stocked: StockLevel):
    main, line = {"sku": "A-1", "location": "main"}, {"sku": "A-1", "quantity": 1}
    with history_writes() as writes:
        answers = [
            api.post(f"{INVENTORY}adjustments/", {**main, "delta": 1, "reason": "correction"}),
            api.post(f"{INVENTORY}counts/", {**main, "on_hand": 8}),
            api.post(f"{INVENTORY}counts/bulk/", {"counts": [{**main, "on_hand": 9}]}),
            api.post(f"{INVENTORY}reservations/", {"reference": "SO-1", "lines": [line]}),
        ]
        transfer = api.post(f"{INVENTORY}transfers/", {"from": "main", "to": "west", "lines": [line]})
        answers += [transfer, api.post(f"{INVENTORY}transfers/{transfer.json()['id']}/ship/", {})]

    assert ([answer.status_code for answer in answers], writes) == ([201, 201, 200, 201, 201, 200], [])
