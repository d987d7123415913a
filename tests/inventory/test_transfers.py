"""Transfers: stock leaves one location, is on its way, and arrives at another, or does not."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from inventory import services
from inventory.exceptions import LocationInactive, TransferShort
from inventory.models import MAX_QUANTITY, StockLevel, StockMovement, Transfer, TransferLine
from inventory.services.transfers import MAX_TRANSFER_LINES
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/inventory/transfers/"


@pytest.fixture(autouse=True)
def _two_locations() -> None:
    for code in ("main", "west"):
        make_location(code)
    for sku in ("A-1", "B-1"):
        make_product(sku)
    set_stock("A-1", "main", 10)
    set_stock("B-1", "main", 5)


def plan(**more: Any) -> dict[str, Any]:
    lines = [{"sku": "A-1", "quantity": 4}, {"sku": "B-1", "quantity": 5}]
    return {"from": "main", "to": "west", "lines": lines, **more}


def made(api: JSONClient, **more: Any) -> str:
    """The address of a new draft."""
    response = api.post(URL, plan(**more))
    assert response.status_code == 201, response.json()
    return f"{URL}{response.json()['id']}/"


def shipped(api: JSONClient, **more: Any) -> str:
    """The address of a transfer that is on its way."""
    transfer = made(api, **more)
    assert api.post(f"{transfer}ship/").status_code == 200
    return transfer


def quantities() -> dict[str, tuple[int, int]]:
    """What is on hand and incoming, by level."""
    levels = StockLevel.objects.select_related("variant", "location")
    return {f"{level.variant.sku}@{level.location.code}": (level.on_hand, level.incoming) for level in levels}


def ledger() -> list[tuple[str, str, str, int]]:
    """What the transfers have moved."""
    movements = StockMovement.objects.exclude(reason="count").order_by("id")
    rows = movements.values_list("level__variant__sku", "level__location__code", "reason", "delta")
    return list(rows)


def announced() -> list[str]:
    """What was said of transfers."""
    return list(Event.objects.filter(type__startswith="transfer.").order_by("id").values_list("type", flat=True))


def everything() -> tuple[Any, ...]:
    """Whatever a refused request must leave as it is."""
    return quantities(), StockMovement.objects.count(), Event.objects.count(), list(TransferLine.objects.values())


START = {"A-1@main": (10, 0), "B-1@main": (5, 0)}


def test_a_draft_changes_no_stock(api: JSONClient):
    body = api.post(URL, plan(reference="T-7")).json()

    transfer = Transfer.objects.get()
    assert body == {
        "id": transfer.pk,
        "from": "main",
        "to": "west",
        "reference": "T-7",
        "status": "draft",
        "lines": [
            {"sku": "A-1", "quantity": 4, "in_transit": 0, "received": 0, "lost": 0},
            {"sku": "B-1", "quantity": 5, "in_transit": 0, "received": 0, "lost": 0},
        ],
        "created_at": transfer.created_at.isoformat().replace("+00:00", "Z"),
        "shipped_at": None,
        "closed_at": None,
    }
    assert (quantities(), announced()) == (START, [])


def test_shipping_takes_from_the_source_and_is_incoming_at_the_target(api: JSONClient):
    transfer = made(api, reference="T-7")

    body = api.post(f"{transfer}ship/").json()

    assert (body["status"], body["closed_at"]) == ("in_transit", None)
    assert body["shipped_at"] is not None
    assert [line["in_transit"] for line in body["lines"]] == [4, 5]
    assert quantities() == {"A-1@main": (6, 0), "B-1@main": (0, 0), "A-1@west": (0, 4), "B-1@west": (0, 5)}
    assert ledger() == [("A-1", "main", "transfer_out", -4), ("B-1", "main", "transfer_out", -5)]
    assert set(StockMovement.objects.filter(reason="transfer_out").values_list("reference", flat=True)) == {"T-7"}
    assert announced() == ["transfer.shipped"]
    event = Event.objects.get(type="transfer.shipped")
    assert (event.subject, event.data) == (f"transfer:{body['id']}", {"transfer": body})
    assert find_mismatches() == []


def test_without_a_reference_movements_name_the_transfer(api: JSONClient):
    shipped(api)

    references = StockMovement.objects.filter(reason="transfer_out").values_list("reference", flat=True)
    assert set(references) == {f"transfer:{Transfer.objects.get().pk}"}


def test_receiving_without_lines_takes_all_that_is_in_transit(api: JSONClient):
    transfer = shipped(api)

    body = api.post(f"{transfer}receive/").json()

    assert (body["status"], [line["received"] for line in body["lines"]]) == ("received", [4, 5])
    assert body["closed_at"] is not None
    assert quantities() == {"A-1@main": (6, 0), "B-1@main": (0, 0), "A-1@west": (4, 0), "B-1@west": (5, 0)}
    assert ledger()[2:] == [("A-1", "west", "transfer_in", 4), ("B-1", "west", "transfer_in", 5)]
    assert Event.objects.get(type="transfer.received").data == {
        "transfer": body,
        "received": [{"sku": "A-1", "quantity": 4}, {"sku": "B-1", "quantity": 5}],
        "lost": [],
    }
    assert find_mismatches() == []


def test_a_part_is_received_and_the_rest_stays_in_transit(api: JSONClient):
    transfer = shipped(api)

    first = api.post(f"{transfer}receive/", {"lines": [{"sku": "a-1", "quantity": 3}]}).json()
    between = quantities()
    second = api.post(f"{transfer}receive/", {"lines": [{"sku": "B-1", "quantity": 5}]}).json()
    third = api.post(f"{transfer}receive/").json()

    assert (first["status"], [line["in_transit"] for line in first["lines"]]) == ("in_transit", [1, 5])
    assert (between["A-1@west"], between["B-1@west"]) == ((3, 1), (0, 5))
    assert second["status"] == "in_transit"
    assert (third["status"], [line["received"] for line in third["lines"]]) == ("received", [4, 5])
    received = Event.objects.filter(type="transfer.received").order_by("id")
    assert [event.data["received"] for event in received] == [
        [{"sku": "A-1", "quantity": 3}],
        [{"sku": "B-1", "quantity": 5}],
        [{"sku": "A-1", "quantity": 1}],
    ]
    assert find_mismatches() == []


@pytest.mark.parametrize("shortage", ["damage", "correction"])
def test_what_is_missing_is_lost_at_the_target(api: JSONClient, shortage: str):
    transfer = shipped(api)

    body = api.post(
        f"{transfer}receive/", {"lines": [{"sku": "A-1", "quantity": 3}], "shortage": shortage}
    ).json()  # fmt: skip

    assert body["status"] == "received"
    assert [(line["received"], line["lost"]) for line in body["lines"]] == [(3, 1), (0, 5)]
    assert quantities() == {"A-1@main": (6, 0), "B-1@main": (0, 0), "A-1@west": (3, 0), "B-1@west": (0, 0)}
    assert ledger()[2:] == [
        ("A-1", "west", "transfer_in", 3),
        ("A-1", "west", "transfer_in", 1),
        ("A-1", "west", shortage, -1),
        ("B-1", "west", "transfer_in", 5),
        ("B-1", "west", shortage, -5),
    ]
    assert Event.objects.get(type="transfer.received").data["lost"] == [
        {"sku": "A-1", "quantity": 1},
        {"sku": "B-1", "quantity": 5},
    ]
    assert find_mismatches() == []


def test_a_shortage_of_everything_is_named_by_no_lines(api: JSONClient):
    transfer = shipped(api)

    body = api.post(f"{transfer}receive/", {"lines": [], "shortage": "damage"}).json()

    assert (body["status"], [line["lost"] for line in body["lines"]]) == ("received", [4, 5])
    assert quantities()["A-1@west"] == (0, 0)
    assert find_mismatches() == []


def crossings() -> list[tuple[str, int]]:
    events = Event.objects.filter(type__in=["stock.low", "stock.replenished"]).order_by("id")
    return [(event.type, event.data["level"]["available"]) for event in events]


@pytest.mark.parametrize(("received", "announced"), [(0, []), (1, []), (3, [("stock.replenished", 4)])])
def test_a_shortage_announces_what_is_left_of_the_receipt(
    api: JSONClient, received: int, announced: list[tuple[str, int]]
):
    set_stock("A-1", "west", 1)
    services.update_level(sku="A-1", location="west", values={"reorder_point": 3})
    transfer = shipped(api)
    Event.objects.all().delete()

    lines = [{"sku": "A-1", "quantity": received}, {"sku": "B-1", "quantity": 5}]
    body = api.post(f"{transfer}receive/", {"lines": lines, "shortage": "damage"}).json()

    assert body["lines"][0]["lost"] == 4 - received
    assert quantities()["A-1@west"] == (1 + received, 0)
    assert crossings() == announced


def test_a_shipment_that_the_source_has_not_enough_for_names_each_line_and_moves_nothing(api: JSONClient):
    make_product("C-1")
    lines = [{"sku": "A-1", "quantity": 11}, {"sku": "B-1", "quantity": 1}, {"sku": "C-1", "quantity": 2}]
    transfer = made(api, lines=lines)
    before = everything()

    response = api.post(f"{transfer}ship/")

    assert (response.status_code, response.json()["code"]) == (409, "insufficient_stock")
    assert [(error["pointer"], error["detail"]) for error in response.json()["errors"]] == [
        ("/lines/0/quantity", "10 of A-1 are available at main, 11 were asked for."),
        ("/lines/2/quantity", "0 of C-1 are available at main, 2 were asked for."),
    ]
    assert everything() == before
    assert api.get(transfer).json()["status"] == "draft"


def test_a_shipment_may_use_the_backorder_limit_and_no_more(api: JSONClient):
    services.update_level(sku="A-1", location="main", values={"backorder_limit": 2})
    enough = made(api, lines=[{"sku": "A-1", "quantity": 12}])
    more = made(api, lines=[{"sku": "A-1", "quantity": 1}])

    statuses = [api.post(f"{transfer}ship/").status_code for transfer in (enough, more)]

    assert statuses == [200, 409]
    assert quantities()["A-1@main"] == (-2, 0)


@pytest.mark.parametrize(
    ("lines", "code", "status", "pointer"),
    [
        ([{"sku": "A-1", "quantity": 5}], "over_receipt", 409, "/lines/0/quantity"),
        ([{"sku": "B-1", "quantity": 1}, {"sku": "A-1", "quantity": 5}], "over_receipt", 409, "/lines/1/quantity"),
        ([{"sku": "C-1", "quantity": 1}], "not_in_transfer", 422, "/lines/0/sku"),
        ([{"sku": "A-1", "quantity": 1}, {"sku": "a-1", "quantity": 1}], "repeated_sku", 422, "/lines/1/sku"),
        ([{"sku": "A-1", "quantity": -1}], "min_value", 422, "/lines/0/quantity"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused(api: JSONClient, lines: Any, code: str, status: int, pointer: str):
    make_product("C-1")
    transfer = shipped(api)
    before = everything()

    response = api.post(f"{transfer}receive/", {"lines": lines})

    assert response.status_code == status
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]
    assert everything() == before


def test_what_was_received_is_not_received_again(api: JSONClient):
    transfer = shipped(api)
    some = {"lines": [{"sku": "A-1", "quantity": 3}]}
    api.post(f"{transfer}receive/", some)

    response = api.post(f"{transfer}receive/", some)

    assert (response.status_code, response.json()["code"]) == (409, "over_receipt")
    assert quantities()["A-1@west"] == (3, 1)


@pytest.mark.parametrize("lines", [[], [{"sku": "A-1", "quantity": 0}]])
def test_receiving_nothing_is_refused(api: JSONClient, lines: list[Any]):
    transfer = shipped(api)

    response = api.post(f"{transfer}receive/", {"lines": lines})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_quantity")
    assert quantities()["A-1@west"] == (0, 4)


def test_a_cancelled_draft_has_moved_nothing(api: JSONClient):
    transfer = made(api)

    body = api.post(f"{transfer}cancel/").json()

    assert body["status"] == "cancelled"
    assert (quantities(), ledger(), announced()) == (START, [], ["transfer.cancelled"])


def test_cancelling_on_the_way_puts_back_what_is_still_in_transit(api: JSONClient):
    transfer = shipped(api)
    api.post(f"{transfer}receive/", {"lines": [{"sku": "A-1", "quantity": 3}]})

    body = api.post(f"{transfer}cancel/").json()

    assert [(line["in_transit"], line["received"]) for line in body["lines"]] == [(0, 3), (0, 0)]
    assert quantities() == {"A-1@main": (7, 0), "B-1@main": (5, 0), "A-1@west": (3, 0), "B-1@west": (0, 0)}
    assert ledger()[-2:] == [("A-1", "main", "transfer_in", 1), ("B-1", "main", "transfer_in", 5)]
    assert announced() == ["transfer.shipped", "transfer.received", "transfer.cancelled"]
    assert find_mismatches() == []


@pytest.mark.parametrize(
    ("reached_by", "again"),
    [(["ship"], "ship"), (["ship", "receive"], "receive"), (["cancel"], "cancel"), (["ship", "cancel"], "cancel")],
)
def test_a_transition_asked_for_twice_happens_once(api: JSONClient, reached_by: list[str], again: str):
    transfer = made(api)
    reached = [api.post(f"{transfer}{transition}/") for transition in reached_by][-1]
    before = everything()

    response = api.post(f"{transfer}{again}/")

    assert (response.status_code, response.json()) == (200, reached.json())
    assert everything() == before


@pytest.mark.parametrize(
    ("reached_by", "then", "state"),
    [
        ([], "receive", "draft"),
        (["ship", "receive"], "ship", "received"),
        (["ship", "receive"], "cancel", "received"),
        (["cancel"], "ship", "cancelled"),
        (["cancel"], "receive", "cancelled"),
    ],
)
def test_a_transition_from_another_state_names_that_state(
    api: JSONClient, reached_by: list[str], then: str, state: str
):
    transfer = made(api)
    for transition in reached_by:
        api.post(f"{transfer}{transition}/")
    before = everything()

    response = api.post(f"{transfer}{then}/")

    assert (response.status_code, response.json()["code"]) == (409, "transfer_state_conflict")
    error = response.json()["errors"][0]
    assert (error["pointer"], error["code"]) == ("/status", state)
    assert error["detail"].startswith(f"The transfer is {state.replace('_', ' ')}, it cannot be ")
    assert everything() == before


def test_lines_of_a_transfer_that_is_received_are_refused(api: JSONClient):
    transfer = shipped(api)
    api.post(f"{transfer}receive/")

    response = api.post(f"{transfer}receive/", {"lines": [{"sku": "A-1", "quantity": 1}]})

    assert response.status_code == 409


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"to": "main"}, 422, "same_location", "/to"),
        ({"to": "moon"}, 422, "unknown_location", "/to"),
        ({"from": "moon"}, 422, "unknown_location", "/from"),
        ({"from": "shut"}, 409, "location_inactive", "/from"),
        ({"to": "shut"}, 409, "location_inactive", "/to"),
        ({"lines": []}, 422, "empty", "/lines"),
        ({"lines": [{"sku": "A-1", "quantity": 0}]}, 422, "min_value", "/lines/0/quantity"),
        ({"lines": [{"sku": "A-1", "quantity": MAX_QUANTITY + 1}]}, 422, "max_value", "/lines/0/quantity"),
        ({"lines": [{"sku": "A-1", "quantity": 1}, {"sku": "X-9", "quantity": 1}]}, 422, "unknown_sku", "/lines/1/sku"),
        (
            {"lines": [{"sku": "A-1", "quantity": 1}, {"sku": "a-1 ", "quantity": 1}]},
            422, "repeated_sku", "/lines/1/sku",
        ),
        ({"lines": [{"sku": "A-1", "quantity": 1}] * (MAX_TRANSFER_LINES + 1)}, 422, "max_length", "/lines"),
    ],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_is_refused(
    api: JSONClient, change: dict[str, Any], status: int, code: str, pointer: str
):
    make_location("shut", is_active=False)

    response = api.post(URL, plan(**change))

    assert response.status_code == status
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]
    assert Transfer.objects.count() == 0


@pytest.mark.parametrize("closed", ["main", "west"])
def test_a_draft_whose_location_was_closed_is_not_shipped(api: JSONClient, closed: str):
    transfer = made(api, lines=[{"sku": "A-1", "quantity": 4}])
    for sku in ("A-1", "B-1"):
        set_stock(sku, "main", 0)
    services.update_location(code=closed, values={"is_active": False})

    response = api.post(f"{transfer}ship/")

    assert (response.status_code, response.json()["code"]) == (409, "location_inactive")


def test_a_location_that_stock_is_on_its_way_to_is_not_closed(api: JSONClient):
    shipped(api)

    response = api.patch("/api/v1/inventory/locations/west/", {"is_active": False})

    assert (response.status_code, response.json()["code"]) == (409, "location_holds_stock")


def test_nothing_goes_back_to_a_location_that_was_closed_meanwhile(api: JSONClient):
    transfer = shipped(api, lines=[{"sku": "A-1", "quantity": 10}])
    set_stock("B-1", "main", 0)
    services.update_location(code="main", values={"is_active": False})

    with pytest.raises(LocationInactive):
        services.cancel_transfer(transfer_id=Transfer.objects.get().pk)

    assert api.post(f"{transfer}receive/").json()["status"] == "received"


def test_a_draft_is_changed_and_anything_else_is_not(api: JSONClient):
    transfer = made(api)

    changed = api.patch(transfer, {"lines": [{"sku": "B-1", "quantity": 2}], "reference": "T-8"}).json()
    unchanged = api.patch(transfer, {}).json()
    api.post(f"{transfer}ship/")
    refused = api.patch(transfer, {"reference": "T-9"})

    assert [(line["sku"], line["quantity"]) for line in changed["lines"]] == [("B-1", 2)]
    assert (unchanged["reference"], len(unchanged["lines"])) == ("T-8", 1)
    assert (refused.status_code, refused.json()["code"]) == (409, "transfer_state_conflict")
    assert quantities()["B-1@west"] == (0, 2)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["T-2", "T-1"]),
        ("status=in_transit", ["T-1"]),
        ("from=west", ["T-2"]),
        ("to=west", ["T-1"]),
        ("reference=T-2", ["T-2"]),
        ("sku=b-1", ["T-1"]),
        ("sku=a-1", ["T-2", "T-1"]),
    ],
)
def test_the_list_is_filtered(api: JSONClient, query: str, found: list[str]):
    shipped(api, reference="T-1")
    back = {"from": "west", "to": "main", "lines": [{"sku": "A-1", "quantity": 1}]}
    api.post(URL, {**back, "reference": "T-2"})

    response = api.get(f"{URL}?{query}")

    assert [transfer["reference"] for transfer in response.json()["results"]] == found


def test_an_unknown_state_is_no_filter(api: JSONClient):
    assert api.get(f"{URL}?status=lost").status_code == 422
    assert api.post(f"{URL}999999/ship/").status_code == 404


def test_the_same_key_plans_once(api: JSONClient):
    first, again = (api.post(URL, plan(), headers={"Idempotency-Key": "t-1"}) for _ in range(2))

    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Transfer.objects.count() == 1


def statements(transition: Any, **asked: Any) -> int:
    with CaptureQueriesContext(connection) as captured:
        transition(**asked)
    return len(captured)


def test_the_number_of_statements_does_not_grow_with_the_lines():
    skus = [f"C-{number}" for number in range(60)]
    for sku in skus:
        make_product(sku)
        set_stock(sku, "main", 9)
    costs = []
    for count in (2, 60):
        lines = [(sku, 3) for sku in skus[-count:]]
        with CaptureQueriesContext(connection) as captured:
            transfer = services.create_transfer(source="main", target="west", lines=lines).pk
        cost = [len(captured), statements(services.ship_transfer, transfer_id=transfer)]
        some = [(sku, 1) for sku, _ in lines]
        cost.append(statements(services.receive_transfer, transfer_id=transfer, lines=some))
        cost.append(statements(services.receive_transfer, transfer_id=transfer, lines=some, shortage="damage"))
        returned = services.create_transfer(source="main", target="west", lines=lines).pk
        services.ship_transfer(transfer_id=returned)
        cost.append(statements(services.cancel_transfer, transfer_id=returned))
        costs.append(cost)

    few, many = costs
    assert few == many
    assert few[0] == 7
    assert find_mismatches() == []


def test_one_list_page_costs_the_same_for_any_number(api: JSONClient):
    api.get(URL)
    counts = []
    for _ in range(2):
        made(api)
        with CaptureQueriesContext(connection) as captured:
            api.get(URL)
        counts.append(len(captured))

    assert counts == [2, 2]


def test_a_shipment_that_is_too_large_is_refused_by_the_service_too():
    transfer = services.create_transfer(source="main", target="west", lines=[("A-1", 11)])

    with pytest.raises(TransferShort):
        services.ship_transfer(transfer_id=transfer.pk)


@pytest.mark.parametrize(
    ("stray", "constraint"),
    [
        ({"status": "received"}, "inventory_transfer_moments_fit_its_status"),
        ({"status": "draft"}, "inventory_transfer_moments_fit_its_status"),
    ],
)
def test_a_stray_update_puts_no_transfer_into_a_state_that_it_is_not_in(
    api: JSONClient, stray: dict[str, Any], constraint: str
):
    shipped(api)

    with pytest.raises(IntegrityError, match="inventory_transfer") as refused, transaction.atomic():
        Transfer.objects.update(**stray)

    assert constraint in str(refused.value)
    assert Transfer.objects.get().status == "in_transit"
