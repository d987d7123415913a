"""Relative changes: one statement, its ledger and its event; claims are refused, facts are not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH

from inventory import services
from inventory.exceptions import InsufficientStock
from inventory.models import StockLevel, StockMovement
from inventory.services.adjustments import ADJUST
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]

URL = "/api/v1/inventory/adjustments/"


@pytest.fixture(autouse=True)
def _ten_lamps() -> None:
    make_location("main")
    make_product("A-1")
    set_stock("A-1", "main", 10)


def adjust(api: Any, **values: Any) -> Any:
    return api.post(URL, {"sku": "A-1", "location": "main", "delta": -3, "reason": "sale", **values})


def state() -> tuple[Any, ...]:
    return (
        list(StockLevel.objects.values_list("on_hand", "version")),
        StockMovement.objects.count(),
        Event.objects.count(),
    )


def test_a_change_is_one_movement_and_one_event_and_the_answer_shows_both(api) -> None:
    response = adjust(api, sku="a-1 ", note="Till 2", reference="R-9")

    assert response.status_code == 201
    answer = response.json()
    assert (answer["level"]["on_hand"], answer["level"]["available"], answer["level"]["version"]) == (7, 7, 2)
    movement = answer["movement"]
    shown = ("sku", "location", "reason", "delta", "on_hand_after", "note", "reference", "actor")
    assert [movement[name] for name in shown] == ["A-1", "main", "sale", -3, 7, "Till 2", "R-9", "client:tests"]
    assert movement["request_id"] == response["X-Request-Id"]
    assert Event.objects.latest("id").data == answer
    assert Event.objects.latest("id").subject == "level:main/A-1"


def test_it_takes_one_statement(django_assert_num_queries) -> None:
    # The statement, and the transaction around it, which here is a savepoint of the test's.
    with django_assert_num_queries(1):
        services.adjust_stock(sku="A-1", location="main", delta=1, reason="receipt")


def test_psycopg_looks_for_its_parameters_once() -> None:
    assert len(ADJUST) <= MAX_CACHED_STATEMENT_LENGTH


@pytest.mark.parametrize("reason", ["sale", "correction"])
def test_a_claim_for_more_than_there_is_is_refused_and_changes_nothing(api, reason: str) -> None:
    before = state()

    response = adjust(api, delta=-11, reason=reason)

    assert (response.status_code, response.json()["code"]) == (409, "insufficient_stock")
    assert "10 of A-1" in response.json()["detail"]
    assert state() == before


@pytest.mark.parametrize(("reason", "delta"), [("receipt", -5), ("return", -5), ("sale", 5), ("damage", 5)])
@pytest.mark.parametrize("is_bulk", [False, True])
def test_a_reason_that_contradicts_the_delta_is_refused(api, reason: str, delta: int, is_bulk: bool) -> None:
    before = state()
    row = {"sku": "A-1", "location": "main", "delta": delta, "reason": reason}

    if is_bulk:
        (error,) = api.post(f"{URL}bulk/", {"adjustments": [row]}).json()["results"][0]["errors"]
    else:
        response = api.post(URL, row)
        assert response.status_code == 422
        (error,) = response.json()["errors"]

    assert (error["code"], error["pointer"].rpartition("/")[2]) == ("reason_contradicts_delta", "reason")
    assert state() == before


def test_damage_has_happened_and_applies_and_claims_wait_until_it_is_mended(api) -> None:
    response = adjust(api, delta=-12, reason="damage")

    assert response.json()["level"]["is_oversold"] is True
    oversold = Event.objects.get(type="stock.oversold")
    assert oversold.data["level"]["available"] == -2
    with pytest.raises(InsufficientStock):
        services.adjust_stock(sku="A-1", location="main", delta=-1, reason="sale")
    assert adjust(api, delta=1, reason="receipt").json()["level"]["is_oversold"] is True
    assert adjust(api, delta=1, reason="receipt").json()["level"]["is_oversold"] is False
    assert Event.objects.filter(type="stock.oversold").count() == 1
    assert find_mismatches() == []


def test_a_backorder_limit_lets_claims_go_below_zero_so_far(api) -> None:
    services.update_level(sku="A-1", location="main", values={"backorder_limit": 2})

    assert adjust(api, delta=-12).json()["level"]["available"] == -2
    assert adjust(api, delta=-1).status_code == 409


def test_a_version_that_is_not_the_level_s_is_a_conflict(api) -> None:
    before = state()

    assert adjust(api, expected_version=7).json()["code"] == "version_conflict"
    assert state() == before
    assert adjust(api, expected_version=1).status_code == 201


@pytest.mark.parametrize(
    ("values", "pointer", "code"),
    [
        ({"delta": 0}, "/delta", "invalid_quantity"),
        ({"delta": 1.5}, "/delta", "invalid"),
        ({"delta": 10**10}, "/delta", "max_value"),
        ({"delta": None}, "/delta", "null"),
        ({"reason": "count"}, "/reason", "invalid_choice"),
        ({"sku": "A\u00001"}, "/sku", "invalid_sku"),
        ({"sku": "x" * 256}, "/sku", "invalid_sku"),
        ({"sku": "B-1"}, "/sku", "unknown_sku"),
        ({"location": "moon"}, "/location", "unknown_location"),
        ({"note": "x" * 1001}, "/note", "max_length"),
    ],
)
def test_bad_input_is_422_and_changes_nothing(api, values: dict[str, Any], pointer: str, code: str) -> None:
    before = state()

    response = adjust(api, **values)

    assert response.status_code == 422
    assert (response.json()["errors"][0]["pointer"], response.json()["errors"][0]["code"]) == (pointer, code)
    assert state() == before


def test_nothing_moves_at_a_closed_location(api) -> None:
    make_location("east", is_active=False)

    response = adjust(api, location="east", delta=1, reason="receipt")

    assert (response.status_code, response.json()["code"]) == (409, "location_inactive")
    assert StockLevel.objects.count() == 1


def test_a_level_is_made_by_what_comes_in_and_not_by_a_refused_claim(api) -> None:
    make_location("east")

    assert adjust(api, location="east").status_code == 409
    assert StockLevel.objects.count() == 1
    assert adjust(api, location="east", delta=4, reason="receipt").json()["level"]["on_hand"] == 4


def test_the_read_scope_does_not_allow_writing(client_with) -> None:
    before = state()

    response = adjust(client_with(["inventory:read"]))

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert state() == before


BREAKS_OFF_ONCE = """
CREATE SEQUENCE tests_tries;
CREATE FUNCTION tests_break_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tests_tries') = 1 THEN
        RAISE EXCEPTION 'another came first' USING ERRCODE = 'deadlock_detected';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tests_break_off BEFORE UPDATE ON inventory_stocklevel
    FOR EACH ROW EXECUTE FUNCTION tests_break_off();
"""
MEND = "DROP TRIGGER tests_break_off ON inventory_stocklevel; DROP FUNCTION tests_break_off; DROP SEQUENCE tests_tries"


@pytest.fixture
def _broken_off_once() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(BREAKS_OFF_ONCE)
        yield
        cursor.execute(MEND)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_broken_off_once")
@pytest.mark.parametrize(
    "change",
    [
        lambda: services.adjust_stock(sku="A-1", location="main", delta=-3, reason="sale"),
        lambda: services.count_stock(sku="A-1", location="main", on_hand=7),
    ],
)
def test_a_transaction_that_the_database_aborted_is_repeated_and_acts_once(change: Callable[[], Any]) -> None:
    change()

    assert StockLevel.objects.get().on_hand == 7
    assert StockMovement.objects.count() == 2
    assert find_mismatches() == []


@pytest.mark.django_db(transaction=True)
def test_a_refusal_outside_of_a_transaction_leaves_nothing() -> None:
    before = state()

    with pytest.raises(InsufficientStock):
        services.adjust_stock(sku="A-1", location="main", delta=-11, reason="sale")

    assert state() == before
    assert services.adjust_stock(sku="A-1", location="main", delta=-10, reason="sale").level["on_hand"] == 0
