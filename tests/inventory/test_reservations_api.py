"""Reservations over HTTP: who sees and touches which, and what is answered."""

from typing import Any

import pytest
from django.utils.dateparse import parse_datetime

from inventory.models import MAX_QUANTITY, Reservation
from inventory.services.reservation_requests import (
    MAX_EXPIRES_IN_SECONDS,
    MAX_RESERVATION_LINES,
    MIN_EXPIRES_IN_SECONDS,
)
from pms_backend.events.models import Event
from pms_backend.operations.audit import find_mismatches
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import outlive, quantities

pytestmark = pytest.mark.django_db

URL = "/api/v1/inventory/reservations/"
SCOPES = ["inventory:read", "inventory:write"]


@pytest.fixture(autouse=True)
def _lamps() -> None:
    """Ten of A-1, which is published, and of D-1, which is a draft, at `main`; five of A-1 at `west`."""
    make_location("main", priority=1)
    make_location("west", priority=2)
    make_product("A-1", status="active")
    make_product("D-1")
    set_stock("A-1", "main", 10)
    set_stock("A-1", "west", 5)
    set_stock("D-1", "main", 10)


@pytest.fixture
def shop(client_with: ClientWith) -> JSONClient:
    """A client that has the scopes for stock, and is not internal."""
    return client_with(SCOPES)


def ask(*lines: dict[str, Any], reference: str = "SO-1", **more: Any) -> dict[str, Any]:
    return {"reference": reference, "lines": list(lines) or [{"sku": "A-1", "quantity": 2}], **more}


def problem_of(response: Any) -> tuple[int, str, list[tuple[str, str]]]:
    body = response.json()
    return response.status_code, body["code"], [(one["pointer"], one["code"]) for one in body["errors"]]


def test_a_reservation_is_made_and_shown(shop: JSONClient) -> None:
    made = shop.post(URL, ask({"sku": "a-1", "quantity": 12}, expires_in=60))
    found = shop.get(f"{URL}{made.json()['id']}/")

    body = made.json()
    assert made.status_code == 201
    assert body == {
        "id": Reservation.objects.get().pk,
        "reference": "SO-1",
        "status": "active",
        "expires_at": body["expires_at"],
        "lines": [
            {"sku": "A-1", "location": "main", "quantity": 10, "committed": 0},
            {"sku": "A-1", "location": "west", "quantity": 2, "committed": 0},
        ],
    }
    assert parse_datetime(body["expires_at"]) == Reservation.objects.get().expires_at
    assert (found.status_code, found.json()) == (200, body)
    assert Event.objects.latest("id").data == {"reservation": body}


def test_the_same_request_again_is_answered_with_the_same_reservation(shop: JSONClient) -> None:
    first, again = shop.post(URL, ask()), shop.post(URL, ask(expires_in=5))
    other = shop.post(URL, ask({"sku": "A-1", "quantity": 3}))

    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert problem_of(other) == (409, "reference_conflict", [("/reference", "reference_conflict")])
    assert quantities() == (10, 2, 8)


def test_missing_stock_is_refused_by_line(shop: JSONClient) -> None:
    before = Event.objects.count()

    answer = shop.post(URL, ask({"sku": "A-1", "quantity": 15}, {"sku": "D-1", "quantity": 11, "location": "main"}))

    assert problem_of(answer) == (409, "insufficient_stock", [("/lines/1", "insufficient_stock")])
    assert answer.json()["errors"][0]["detail"] == "10 of D-1 are available at main, 11 were asked for."
    assert (Reservation.objects.count(), Event.objects.count(), quantities()) == (0, before, (10, 0, 10))


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        (ask(reference=""), "/reference"),
        (ask(reference="x" * 256), "/reference"),
        (ask({"sku": "A-1"}), "/lines/0/quantity"),
        (ask({"sku": "A-1", "quantity": 0}), "/lines/0/quantity"),
        (ask({"sku": "A-1", "quantity": MAX_QUANTITY + 1}), "/lines/0/quantity"),
        (ask({"sku": "NOPE", "quantity": 1}), "/lines/0/sku"),
        (ask({"sku": "A-1", "quantity": 1, "location": "nowhere"}), "/lines/0/location"),
        ({"reference": "SO-1", "lines": []}, "/lines"),
        ({"reference": "SO-1", "lines": [{"sku": "A-1", "quantity": 1}] * (MAX_RESERVATION_LINES + 1)}, "/lines"),
        (ask(expires_in=MIN_EXPIRES_IN_SECONDS - 1), "/expires_in"),
        (ask(expires_in=MAX_EXPIRES_IN_SECONDS + 1), "/expires_in"),
    ],
)
def test_an_invalid_request_is_422_with_a_pointer(shop: JSONClient, asked: dict, pointer: str) -> None:
    answer = shop.post(URL, asked)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Reservation.objects.exists()


def test_it_is_sold_in_parts_and_released(shop: JSONClient) -> None:
    made = shop.post(URL, ask({"sku": "A-1", "quantity": 4})).json()
    one = f"{URL}{made['id']}/"

    partly = shop.post(f"{one}commit/", {"lines": [{"sku": "A-1", "quantity": 3}]})
    beyond = shop.post(f"{one}commit/", {"lines": [{"sku": "A-1", "quantity": 2}]})
    released = shop.post(f"{one}release/")
    again = shop.post(f"{one}release/")

    assert (partly.status_code, partly.json()["status"], partly.json()["lines"][0]["committed"]) == (200, "active", 3)
    assert problem_of(beyond) == (409, "exceeds_reservation", [("/lines/0", "exceeds_reservation")])
    assert (released.json()["status"], released.json()["lines"]) == ("released", partly.json()["lines"])
    assert (again.status_code, again.json()) == (200, released.json())
    assert problem_of(shop.post(f"{one}commit/")) == (409, "reservation_state_conflict", [])
    assert quantities() == (7, 0, 7)
    assert find_mismatches() == []


def test_without_lines_all_of_it_is_sold(shop: JSONClient) -> None:
    made = shop.post(URL, ask()).json()

    first, again = shop.post(f"{URL}{made['id']}/commit/"), shop.post(f"{URL}{made['id']}/commit/", {})

    assert (first.status_code, first.json()["status"], again.json()) == (200, "committed", first.json())
    assert quantities() == (8, 0, 8)


def test_a_retry_with_its_key_sells_once(shop: JSONClient) -> None:
    made = shop.post(URL, ask({"sku": "A-1", "quantity": 4}), headers={"Idempotency-Key": "k-1"})
    part = {"lines": [{"sku": "A-1", "quantity": 1}]}

    answers = [
        shop.post(f"{URL}{made.json()['id']}/commit/", part, headers={"Idempotency-Key": "k-2"}) for _ in range(2)
    ]

    replayed = shop.post(URL, ask({"sku": "A-1", "quantity": 4}), headers={"Idempotency-Key": "k-1"})
    assert answers[0].content == answers[1].content
    assert (replayed.status_code, replayed.json()["status"]) == (201, "active")
    assert quantities() == (9, 3, 6)


def test_extending_answers_with_the_new_end(shop: JSONClient) -> None:
    made = shop.post(URL, ask(expires_in=5)).json()

    extended = shop.post(f"{URL}{made['id']}/extend/", {"expires_in": 3600}).json()

    gained = parse_datetime(extended["expires_at"]) - parse_datetime(made["expires_at"])
    assert extended == {**made, "expires_at": extended["expires_at"]}
    assert 3590 < gained.total_seconds() < 3600


@pytest.mark.parametrize("transition", ["commit", "release", "extend"])
def test_past_its_end_it_is_expired_whether_swept_or_not(shop: JSONClient, transition: str) -> None:
    made = shop.post(URL, ask()).json()
    outlive(Reservation.objects.get())

    found, refused = shop.get(f"{URL}{made['id']}/"), shop.post(f"{URL}{made['id']}/{transition}/")

    assert found.json()["status"] == "expired"
    assert problem_of(refused) == (409, "reservation_expired", [])
    assert refused.json()["detail"] == f"The reservation {made['id']} is expired."


def test_the_list_is_filtered_by_reference_status_and_sku(shop: JSONClient) -> None:
    for reference, sku in (("one", "A-1"), ("two", "D-1"), ("three", "A-1"), ("four", "A-1")):
        shop.post(URL, ask({"sku": sku, "quantity": 1}, reference=reference))
    ids = dict(Reservation.objects.values_list("reference", "pk"))
    shop.post(f"{URL}{ids['three']}/commit/")
    outlive(Reservation.objects.get(reference="four"))

    def found(**filters: str) -> list[str]:
        return [one["reference"] for one in shop.get(URL, filters).json()["results"]]

    assert found() == ["four", "three", "two", "one"]
    assert found(reference="two") == ["two"]
    assert found(sku="a-1") == ["four", "three", "one"]
    assert found(status="active") == ["two", "one"]
    assert found(status="expired") == ["four"]
    assert found(status="committed", sku="A-1") == ["three"]
    assert found(sku="D-1", status="expired") == []
    assert shop.get(URL, {"status": "nonsense"}).status_code == 422
    page = shop.get(URL, {"page_size": 3}).json()
    assert [one["reference"] for one in shop.get(page["next"]).json()["results"]] == ["one"]


def test_a_page_of_any_length_costs_the_same(shop: JSONClient, django_assert_num_queries) -> None:
    for number in range(6):
        shop.post(URL, ask({"sku": "A-1", "quantity": 1}, {"sku": "D-1", "quantity": 1}, reference=f"SO-{number}"))

    for size in (2, 6):
        with django_assert_num_queries(2):
            assert len(shop.get(URL, {"page_size": size}).json()["results"]) == size


def test_a_client_sees_and_changes_its_own_and_internal_callers_all(client_with: ClientWith, api: JSONClient) -> None:
    ours, theirs = client_with(SCOPES), client_with(SCOPES)
    made = ours.post(URL, ask()).json()
    one = f"{URL}{made['id']}/"

    assert theirs.get(URL).json()["results"] == []
    assert problem_of(theirs.get(one)) == (404, "reservation_not_found", [])
    for transition in ("commit", "release", "extend"):
        assert theirs.post(f"{one}{transition}/").status_code == 404
    assert theirs.post(URL, ask()).status_code == 201
    assert [found["id"] for found in ours.get(URL).json()["results"]] == [made["id"]]
    assert len(api.get(URL).json()["results"]) == 2
    assert api.post(f"{one}release/").json()["status"] == "released"


def test_a_storefront_reserves_what_it_sees_and_nothing_else(client_with: ClientWith) -> None:
    storefront = client_with(SCOPES, tier="storefront")

    made = storefront.post(URL, ask())
    hidden = storefront.post(URL, ask({"sku": "D-1", "quantity": 1}, reference="SO-2"))

    assert made.status_code == 201
    assert storefront.get(f"{URL}{made.json()['id']}/").json() == made.json()
    assert problem_of(hidden) == (422, "unknown_sku", [("/lines/0/sku", "unknown_sku")])
    assert storefront.post(f"{URL}{made.json()['id']}/commit/").json()["status"] == "committed"
    assert quantities("D-1") == (10, 0, 10)


def test_an_invalid_id_is_404(shop: JSONClient) -> None:
    for name in ("0", "9" * 18, "9" * 19, "x"):
        assert shop.get(f"{URL}{name}/").status_code == 404
