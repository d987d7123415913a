"""After any sequence of requests the stock is that of the rules, and the ledger explains it."""

import itertools
from typing import Any, Final

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from inventory import services
from inventory.models import Location, Reservation, StockLevel
from pms_backend.operations.audit import find_mismatches
from tests.conftest import JSONClient
from tests.factories import make_location, make_product
from tests.inventory.model.warehouse import CountSheet, HeldReservation, LevelKey, Shipment, Warehouse, contradicts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

BASE: Final = "/api/v1/inventory"
LOCATIONS: Final = ("first", "second", "third")
NAMES: Final = ("A", "B", "C")
CODES = st.sampled_from(LOCATIONS)
SKUS = st.sampled_from(NAMES)
FEW = st.integers(1, 12)
REASONS = st.sampled_from(["receipt", "sale", "return", "correction", "damage"])
SOME_LINES = st.dictionaries(SKUS, FEW, min_size=1, max_size=3)
DAY: Final = 86_400
UNTOUCHED: Final = (0, 0, 0, False)

_runs = itertools.count()


class AnySequence(RuleBasedStateMachine):
    """Requests to the API, each made of the model too; products are new in every run, locations are not."""

    api: JSONClient
    promises: Bundle[tuple[int, HeldReservation]] = Bundle("promises")
    shipments: Bundle[tuple[int, Shipment]] = Bundle("shipments")
    sheets: Bundle[tuple[int, CountSheet]] = Bundle("sheets")

    @initialize()
    def open(self) -> None:
        self.run = next(_runs)
        self.model = Warehouse()
        self.references = itertools.count()
        for priority, code in enumerate(LOCATIONS):
            if not Location.objects.filter(code=code).exists():
                make_location(code, priority=priority)
        for name in NAMES:
            make_product(self.sku(name))

    def sku(self, name: str) -> str:
        return f"{name}-{self.run}"

    def ask(self, path: str, body: dict[str, Any], *, method: str = "post") -> tuple[int, dict[str, Any]]:
        """The status and the body of the answer; whatever was asked, the fault is never the server's."""
        response = getattr(self.api, method)(f"{BASE}{path}", body)
        assert response.status_code in (200, 201, 409, 422), (path, body, response.content)
        return response.status_code, response.json()

    @rule(name=SKUS, code=CODES, delta=st.integers(-12, 12).filter(bool), reason=REASONS)
    def adjust(self, name: str, code: str, delta: int, reason: str) -> None:
        status, _ = self.ask(
            "/adjustments/", {"sku": self.sku(name), "location": code, "delta": delta, "reason": reason}
        )
        refusal = 422 if contradicts(reason, delta) else 409
        assert status == (201 if self.model.adjust((name, code), delta, reason) else refusal)

    @rule(rows=st.lists(st.tuples(SKUS, CODES, st.integers(-12, 12).filter(bool), REASONS), min_size=1, max_size=6))
    def adjust_in_bulk(self, rows: list[tuple[str, str, int, str]]) -> None:
        body = [
            {"sku": self.sku(name), "location": code, "delta": delta, "reason": reason}
            for name, code, delta, reason in rows
        ]
        _, answer = self.ask("/adjustments/bulk/", {"adjustments": body})
        done = [self.model.adjust((name, code), delta, reason) for name, code, delta, reason in rows]
        assert [result["status"] for result in answer["results"]] == [
            "applied" if was_done else "rejected" for was_done in done
        ]

    @rule(name=SKUS, code=CODES, on_hand=st.integers(0, 40))
    def count(self, name: str, code: str, on_hand: int) -> None:
        status, _ = self.ask("/counts/", {"sku": self.sku(name), "location": code, "on_hand": on_hand})
        self.model.count((name, code), on_hand)
        assert status in (200, 201)

    @rule(rows=st.lists(st.tuples(SKUS, CODES, st.integers(0, 40)), min_size=1, max_size=6))
    def count_in_bulk(self, rows: list[tuple[str, str, int]]) -> None:
        body = [{"sku": self.sku(name), "location": code, "on_hand": on_hand} for name, code, on_hand in rows]
        _, answer = self.ask("/counts/bulk/", {"counts": body})
        for name, code, on_hand in rows:
            self.model.count((name, code), on_hand)
        assert "rejected" not in answer["summary"]

    @rule(name=SKUS, code=CODES, backorder_limit=st.integers(0, 8), reorder_point=st.none() | st.integers(0, 10))
    def limit(self, name: str, code: str, backorder_limit: int, reorder_point: int | None) -> None:
        limits = {"backorder_limit": backorder_limit, "reorder_point": reorder_point}
        status, _ = self.ask(f"/levels/{self.sku(name)}/{code}/", limits, method="patch")
        assert status == (200 if self.model.limit((name, code), backorder_limit) else 409)

    @rule(target=promises, lines=SOME_LINES, code=st.none() | CODES)
    def reserve(self, lines: dict[str, int], code: str | None) -> Any:
        wanted = [
            {"sku": self.sku(name), "quantity": quantity, **({"location": code} if code else {})}
            for name, quantity in lines.items()
        ]
        reference = f"order-{self.run}-{next(self.references)}"
        can = self.model.can_reserve([(name, code, quantity) for name, quantity in lines.items()], list(LOCATIONS))
        status, answer = self.ask("/reservations/", {"reference": reference, "lines": wanted})
        assert status == (201 if can else 409), answer
        if not can:
            return multiple()
        held: dict[LevelKey, int] = {}
        for line in answer["lines"]:
            key = (line["sku"].partition("-")[0], line["location"])
            held[key] = held.get(key, 0) + line["quantity"]
            assert held[key] <= self.model.levels[key].claimable
        for name, quantity in lines.items():
            assert sum(units for (sku, _), units in held.items() if sku == name) == quantity
        again = self.ask("/reservations/", {"reference": reference, "lines": wanted})
        assert again == (200, answer)
        return answer["id"], self.model.hold(held)

    @rule(promise=promises)
    def commit(self, promise: tuple[int, HeldReservation]) -> None:
        number, held = promise
        status, answer = self.ask(f"/reservations/{number}/commit/", {})
        assert status == (200 if held.status in ("active", "committed") else 409)
        if held.status == "active":
            self.model.commit(held, dict(held.held))
            assert answer["status"] == "committed"

    @rule(promise=promises, name=SKUS, quantity=FEW)
    def commit_a_part(self, promise: tuple[int, HeldReservation], name: str, quantity: int) -> None:
        number, held = promise
        keys = [key for key, units in held.held.items() if key[0] == name and units]
        assume(held.status == "active" and len(keys) == 1)
        fits = quantity <= held.held[keys[0]]
        lines = [{"sku": self.sku(name), "quantity": quantity}]
        status, answer = self.ask(f"/reservations/{number}/commit/", {"lines": lines})
        assert (status == 200) is fits
        if fits:
            self.model.commit(held, {keys[0]: quantity})
            assert answer["status"] == held.status

    @rule(promise=promises)
    def release(self, promise: tuple[int, HeldReservation]) -> None:
        number, held = promise
        status, _ = self.ask(f"/reservations/{number}/release/", {})
        assert status == (200 if held.status in ("active", "released") else 409)
        if held.status == "active":
            self.model.let_go(held, "released")

    @rule(promise=promises, seconds=st.integers(1_000, 7 * DAY))
    def extend(self, promise: tuple[int, HeldReservation], seconds: int) -> None:
        number, held = promise
        status, _ = self.ask(f"/reservations/{number}/extend/", {"expires_in": seconds})
        assert status == (200 if held.status == "active" else 409)

    @rule(promise=promises, is_tried=st.booleans())
    def expire(self, promise: tuple[int, HeldReservation], is_tried: bool) -> None:
        number, held = promise
        assume(held.status == "active")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE inventory_reservation SET expires_at = now() - interval '1 second' WHERE id = %s", [number]
            )
        if is_tried:
            status, answer = self.ask(f"/reservations/{number}/commit/", {})
            assert (status, answer["code"]) == (409, "reservation_expired")
        services.expire_reservations()
        self.model.let_go(held, "expired")
        assert Reservation.objects.get(pk=number).status == "expired"

    @rule(target=shipments, ends=st.permutations(LOCATIONS), lines=SOME_LINES)
    def plan_transfer(self, ends: list[str], lines: dict[str, int]) -> tuple[int, Shipment]:
        source, destination = ends[0], ends[1]
        body = [{"sku": self.sku(name), "quantity": quantity} for name, quantity in lines.items()]
        status, answer = self.ask("/transfers/", {"from": source, "to": destination, "lines": body})
        assert status == 201
        return answer["id"], Shipment(source, destination, lines)

    @rule(shipment=shipments)
    def ship(self, shipment: tuple[int, Shipment]) -> None:
        number, planned = shipment
        status, _ = self.ask(f"/transfers/{number}/ship/", {})
        if planned.status == "draft":
            assert status == (200 if self.model.ship(planned) else 409)
        else:
            assert status == (200 if planned.status == "in_transit" else 409)

    @rule(shipment=shipments, shortage=st.none() | st.sampled_from(["damage", "correction"]), data=st.data())
    def receive(self, shipment: tuple[int, Shipment], shortage: str | None, data: st.DataObject) -> None:
        number, sent = shipment
        assume(sent.status == "in_transit")
        coming = {name: quantity for name, quantity in sent.coming.items() if quantity}
        arrived = {name: data.draw(st.integers(0, quantity + 1)) for name, quantity in coming.items()}
        arrived = {name: quantity for name, quantity in arrived.items() if quantity}
        assume(arrived)
        body: dict[str, Any] = {
            "lines": [{"sku": self.sku(name), "quantity": quantity} for name, quantity in arrived.items()]
        }
        if shortage:
            body["shortage"] = shortage
        status, _ = self.ask(f"/transfers/{number}/receive/", body)
        fits = all(quantity <= coming[name] for name, quantity in arrived.items())
        assert (status == 200) is fits
        if fits:
            self.model.receive(sent, arrived, closes=shortage is not None)

    @rule(shipment=shipments)
    def receive_all(self, shipment: tuple[int, Shipment]) -> None:
        number, sent = shipment
        status, _ = self.ask(f"/transfers/{number}/receive/", {})
        assert status == (200 if sent.status in ("in_transit", "received") else 409)
        if sent.status == "in_transit":
            self.model.receive(sent, dict(sent.coming), closes=False)

    @rule(shipment=shipments)
    def cancel_transfer(self, shipment: tuple[int, Shipment]) -> None:
        number, sent = shipment
        status, _ = self.ask(f"/transfers/{number}/cancel/", {})
        assert status == (409 if sent.status == "received" else 200)
        if sent.status != "received":
            self.model.turn_back(sent)

    @rule(target=sheets, code=CODES)
    def make_sheet(self, code: str) -> tuple[int, CountSheet]:
        skus = [self.sku(name) for name in NAMES]
        status, answer = self.ask("/stocktakes/", {"location": code, "skus": skus})
        assert status == 201
        return answer["id"], CountSheet(code)

    @rule(sheet=sheets, name=SKUS, on_hand=st.integers(0, 40))
    def note_down(self, sheet: tuple[int, CountSheet], name: str, on_hand: int) -> None:
        number, noted = sheet
        counted_at = timezone.now().isoformat()
        lines = [{"sku": self.sku(name), "counted": on_hand, "counted_at": counted_at}]
        status, _ = self.ask(f"/stocktakes/{number}/", {"lines": lines}, method="patch")
        assert status == (200 if noted.status == "open" else 409)
        if noted.status == "open":
            noted.counted[name] = (self.model.moment(), on_hand)

    @rule(sheet=sheets)
    def post_sheet(self, sheet: tuple[int, CountSheet]) -> None:
        number, noted = sheet
        status, _ = self.ask(f"/stocktakes/{number}/post/", {})
        assert status == (409 if noted.status == "cancelled" else 200)
        if noted.status == "open":
            self.model.post(noted)

    @rule(sheet=consumes(sheets))
    def cancel_sheet(self, sheet: tuple[int, CountSheet]) -> None:
        number, noted = sheet
        status, _ = self.ask(f"/stocktakes/{number}/cancel/", {})
        assert status == (409 if noted.status == "posted" else 200)

    @invariant()
    def figures_are_the_model_s(self) -> None:
        levels = StockLevel.objects.filter(variant__sku__in=[self.sku(name) for name in NAMES])
        shown = {
            (level.variant.sku.partition("-")[0], level.location.code): (
                *(level.on_hand, level.reserved, level.incoming, level.is_oversold),
            )
            for level in levels.select_related("variant", "location")
        }
        expected = self.model.quantities()
        for key in expected.keys() | shown.keys():
            assert shown.get(key, UNTOUCHED) == expected.get(key, UNTOUCHED), key

    def teardown(self) -> None:
        assert find_mismatches() == []


def run(api: JSONClient, *, runs: int, steps: int, is_random: bool) -> None:
    machine = type("Machine", (AnySequence,), {"api": api})
    how = settings(
        max_examples=runs,
        stateful_step_count=steps,
        derandomize=not is_random,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=how)


@pytest.mark.parametrize("runs", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_thousands_of_steps_end_at_the_stock_of_the_rules(api: JSONClient, runs: int) -> None:
    run(api, runs=runs, steps=100, is_random=False)


@pytest.mark.slow
def test_tens_of_thousands_of_steps_do_too(api: JSONClient) -> None:
    run(api, runs=200, steps=200, is_random=True)
