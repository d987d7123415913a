"""Movements of ours reach the PMS, each once and in their order."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from inventory.models import StockLevel, StockMovement
from inventory.services import adjust_stock, count_stock, reverse_movement
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import ConnectorError
from pms_integration.connectors.outgoing import PMSClient, StockPush, StockPushResult
from pms_integration.connectors.standard import StandardConnector
from pms_integration.models import PMSConnection, PMSLocation, PMSStock, PMSStockPush
from pms_integration.services.stock_pushes import pushing
from pms_integration.services.stock_pushes.recording import record_pushes
from products.models import Variant
from tests.factories import make_connection, make_location, make_product
from tests.pms_integration.outgoing.calling import connect_simulator
from tests.pms_integration.reports import apply, at
from tests.pms_integration.simulator.calling import TOKEN, SimulatorHere, product
from tests.pms_integration.stock_pushes.conftest import LOCATIONS

pytestmark = pytest.mark.django_db(transaction=True)


def push(*, due: bool = True) -> None:
    """What is recorded is sent, whatever it waits for."""
    relay_pending()
    if due:
        PMSStockPush.objects.filter(status="pending").update(due_at=timezone.now() - timedelta(seconds=1))
    services.push_due_stock()


def here(code: str, sku: str = "A-1") -> int:
    return StockLevel.objects.get(location__code=code, variant__sku=sku).on_hand


def there(simulator: SimulatorHere, name: str, sku: str = "A-1") -> int:
    stock = simulator.state()["stock"]
    return next(int(level["on_hand"]) for level in stock if (level["sku"], level["location"]) == (sku, name))


def moved_there(simulator: SimulatorHere) -> list[tuple[Any, ...]]:
    """SKU, location, delta and reason of the movements that came from us, in their order."""
    moved = (one for one in simulator.state()["movements"] if one["idempotency_key"])
    return [(one["sku"], one["location"], one["delta"], one["reason"]) for one in moved]


def test_a_movement_is_pushed_by_itself_where_either_side_owns_the_stock(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    adjust_stock(sku="A-1", location="annex", delta=-2, reason="sale", reference="order 7")
    count_stock(sku="B-1", location="outlet", on_hand=14)

    push()

    assert moved_there(simulator) == [("A-1", "W1", -2, "sale"), ("B-1", "W2", 4, "count")]
    assert (here("annex"), there(simulator, "W1"), there(simulator, "W2", "B-1")) == (8, 8, 14)
    pushes = PMSStockPush.objects.order_by("id")
    assert [(one.status, one.acknowledged_at is not None) for one in pushes] == [("acknowledged", True)] * 2
    assert PMSStock.objects.get(variant__sku="A-1", location__code="annex").on_hand == 8


def test_what_opened_a_level_came_from_the_pms_or_is_elsewhere_is_not_pushed(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    make_location("back")
    count_stock(sku="A-1", location="back", on_hand=3)
    adjust_stock(sku="A-1", location="back", delta=1, reason="receipt")
    told = {"sku": "A-1", "location": "W2", "delta": -1, "occurred_at": at(0)}
    assert apply(pms, "inventory.adjusted", told).status == "processed"

    push()

    assert (moved_there(simulator), PMSStockPush.objects.count()) == ([], 0)


@pytest.mark.usefixtures("pms")
def test_a_reversal_is_pushed_if_the_reversed_movement_was() -> None:
    make_product("N-1")
    opening, later = (
        adjust_stock(sku="N-1", location="outlet", delta=delta, reason="receipt").movement for delta in (5, 2)
    )
    for movement in (opening, later):
        assert movement is not None
        reverse_movement(movement_id=movement["id"])

    push()

    # The first one opened the level.
    assert list(PMSStockPush.objects.order_by("pk").values_list("delta", flat=True)) == [2, -2]


def test_what_another_pms_reports_is_pushed(pms: PMSConnection, simulator: SimulatorHere) -> None:
    other = make_connection("other")
    told = {"sku": "A-1", "location": "outlet", "delta": -1, "occurred_at": at(0)}
    assert apply(other, "inventory.adjusted", told).status == "processed"

    push()

    assert [moved[:3] for moved in moved_there(simulator)] == [("A-1", "W2", -1)]


@pytest.mark.parametrize("fault", ["500", "half_answer", "wrong_json"])
def test_an_answer_that_is_lost_is_asked_for_under_the_same_key(
    pms: PMSConnection, simulator: SimulatorHere, fault: str
) -> None:
    adjust_stock(sku="A-1", location="annex", delta=-2, reason="sale")
    simulator.set_faults({fault: 1.0}, times=1)

    push()
    waiting = PMSStockPush.objects.get()
    assert (waiting.status, waiting.failures, waiting.due_at > timezone.now()) == ("pending", 1, True)
    push()

    assert [moved[:3] for moved in moved_there(simulator)] == [("A-1", "W1", -2)]
    assert (here("annex"), there(simulator, "W1")) == (8, 8)
    assert PMSStockPush.objects.get().status == "acknowledged"


def test_a_webhook_with_our_key_is_the_acknowledgement(pms: PMSConnection, simulator: SimulatorHere) -> None:
    adjust_stock(sku="A-1", location="annex", delta=-2, reason="sale")
    simulator.set_faults({"half_answer": 1.0})
    push()
    key = str(PMSStockPush.objects.get().idempotency_key)
    moved = next(one for one in simulator.state()["movements"] if one["idempotency_key"] == key)
    told = {"sku": "A-1", "location": "W1", "delta": -2, "occurred_at": moved["occurred_at"], "idempotency_key": key}

    first, again = apply(pms, "inventory.adjusted", told), apply(pms, "inventory.adjusted", told)

    assert (first.status, first.reason) == ("processed", "the acknowledgement of a push of ours")
    assert (again.status, again.reason) == ("ignored", "superseded")
    assert (PMSStockPush.objects.get().status, here("annex")) == ("acknowledged", 8)


def test_a_rejected_push_is_not_sent_again_and_says_why(pms: PMSConnection, simulator: SimulatorHere) -> None:
    with simulator.running.simulation.transaction(is_silent=True) as work:
        for table in ("level", "variant", "movement"):
            work.db.execute(f"DELETE FROM {table} WHERE sku = 'B-1'")
    adjust_stock(sku="B-1", location="outlet", delta=-2, reason="sale")
    adjust_stock(sku="A-1", location="outlet", delta=-1, reason="sale")

    push()
    push()

    rejected = PMSStockPush.objects.get(level__variant__sku="B-1")
    assert (rejected.status, rejected.error, rejected.acknowledged_at) == ("rejected", "unknown_sku", None)
    assert moved_there(simulator) == [("A-1", "W2", -1, "sale")]
    assert simulator.counters()["adjustments.rejected"] == 1


def test_the_movements_of_a_level_keep_their_order(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    for delta in (5, -1, 7):
        adjust_stock(sku="A-1", location="outlet", delta=delta, reason="receipt" if delta > 0 else "sale")
    relay_pending()
    first = PMSStockPush.objects.earliest("id")
    PMSStockPush.objects.filter(pk=first.pk).update(due_at=timezone.now() + timedelta(minutes=1))
    adjust_stock(sku="B-1", location="outlet", delta=2, reason="receipt")
    push(due=False)
    assert [moved[:3] for moved in moved_there(simulator)] == [("B-1", "W2", 2)]

    monkeypatch.setattr(pushing, "BATCH_SIZE", 2)
    push()

    assert [moved[2] for moved in moved_there(simulator)] == [2, 5, -1, 7]


def test_what_is_sent_again_is_the_same(pms: PMSConnection, simulator: SimulatorHere) -> None:
    adjust_stock(sku="A-1", location="annex", delta=-2, reason="sale")
    simulator.set_faults({"half_answer": 1.0}, times=1)
    push()
    Variant.objects.filter(sku="A-1").update(sku="A-9", sku_key="a-9")

    push()

    assert simulator.counters()["adjustments.duplicate"] == 1
    assert PMSStockPush.objects.get().status == "acknowledged"


@pytest.mark.parametrize("values", [{"is_paused": True}, {"is_active": False}])
def test_nothing_is_sent_while_the_connection_is_off(
    pms: PMSConnection, simulator: SimulatorHere, values: dict[str, bool]
) -> None:
    services.update_connection(slug="demo", values=values)
    adjust_stock(sku="A-1", location="annex", delta=-2, reason="sale")
    push()
    assert moved_there(simulator) == []

    services.update_connection(slug="demo", values={name: not value for name, value in values.items()})
    push()

    assert len(moved_there(simulator)) == 1


def test_a_movement_is_recorded_once_however_often_the_relay_says_so(pms: PMSConnection) -> None:
    adjust_stock(sku="A-1", location="annex", delta=-2, reason="sale")
    ids = [StockMovement.objects.latest("id").pk]

    for _ in range(2):
        record_pushes(ids)
    relay_pending()

    assert PMSStockPush.objects.count() == 1


def test_a_batch_is_one_call_and_a_constant_number_of_statements(
    pms: PMSConnection, simulator: SimulatorHere, django_assert_num_queries
) -> None:
    for _ in range(30):
        adjust_stock(sku="A-1", location="outlet", delta=1, reason="receipt")
    relay_pending()
    before = simulator.counters()["requests"]

    services.push_due_stock()

    assert simulator.counters()["requests"] == before + 1
    assert there(simulator, "W2") == 40


class Refusing(StandardConnector):
    """Refuses every call that has a push of 2."""

    def push_stock(self, client: PMSClient, pushes: Sequence[StockPush]) -> Sequence[StockPushResult]:
        if any(push.delta == 2 for push in pushes):
            raise ConnectorError("The PMS answered 422: no twos", permanent=True, status=422)
        return super().push_stock(client, pushes)


def test_a_refused_call_is_split_until_one_push_is_left(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONNECTORS, "standard", Refusing())
    for delta in (1, 2, 3, 4):
        adjust_stock(sku="A-1", location="outlet", delta=delta, reason="receipt")

    push()

    assert [moved[2] for moved in moved_there(simulator)] == [1, 3, 4]
    rejected = PMSStockPush.objects.get(status="rejected")
    assert (rejected.delta, rejected.error) == (2, "The PMS answered 422: no twos")


def test_a_wrong_token_rejects_nothing(pms: PMSConnection, simulator: SimulatorHere) -> None:
    services.set_outgoing(connection_id=pms.pk, base_url=pms.base_url, credentials={"token": "wrong"})
    adjust_stock(sku="A-1", location="annex", delta=-2, reason="sale")
    push()
    assert PMSStockPush.objects.get().status == "pending"

    services.set_outgoing(connection_id=pms.pk, base_url=pms.base_url, credentials={"token": TOKEN})
    push()

    assert len(moved_there(simulator)) == 1


def test_a_push_that_cannot_be_sent_stops_no_other_pms(pms: PMSConnection, simulator: SimulatorHere) -> None:
    other = make_connection("other")
    location = make_location("shop")
    services.map_location(connection=other, location=location, external_id="W1", owns_stock=False)
    connect_simulator(other, simulator)
    count_stock(sku="A-1", location="shop", on_hand=3)
    adjust_stock(sku="A-1", location="shop", delta=1, reason="receipt")
    relay_pending()
    PMSLocation.objects.filter(connection=other).delete()
    adjust_stock(sku="A-1", location="annex", delta=-2, reason="sale")

    push()

    assert [moved[:3] for moved in moved_there(simulator)] == [("A-1", "W1", -2)]
    assert set(PMSStockPush.objects.values_list("connection__slug", "status")) == {
        ("demo", "acknowledged"), ("other", "pending"),
    }  # fmt: skip


def test_our_first_movement_at_a_level_that_the_pms_has_at_zero_is_pushed(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    make_product("Z-1")
    simulator.control("products", product("Z-1"), 201)
    for name in LOCATIONS.values():
        simulator.control("stock/count", {"sku": "Z-1", "location": name, "on_hand": 0})
    services.start_sync(slug="demo", mode="full", resources=["stock"])
    services.run_syncs()

    adjust_stock(sku="Z-1", location="annex", delta=10, reason="receipt")
    count_stock(sku="Z-1", location="outlet", on_hand=4)
    push()
    simulator.control("stock/receive", {"sku": "Z-1", "location": "W1", "quantity": 3})
    services.start_sync(slug="demo", mode="full", resources=["stock"])
    services.run_syncs()

    assert (here("annex", "Z-1"), there(simulator, "W1", "Z-1")) == (13, 13)
    assert (here("outlet", "Z-1"), there(simulator, "W2", "Z-1")) == (4, 0)


def test_an_answer_that_cannot_be_applied_costs_its_push_only(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_reports = pushing.apply_stock_reports

    def failing(pms: PMSConnection, reported: Any) -> Any:
        if any(one.report.variant.sku_key == "b-1" for one in reported):
            raise RuntimeError("broken")
        return apply_reports(pms, reported)

    monkeypatch.setattr(pushing, "apply_stock_reports", failing)
    for sku in ("A-1", "B-1"):
        adjust_stock(sku=sku, location="outlet", delta=2, reason="receipt")

    push()

    found = PMSStockPush.objects.values_list("level__variant__sku", "status", "failures")
    assert set(found) == {("A-1", "acknowledged", 0), ("B-1", "pending", 1)}
