"""The scan desk: an item is identified first, then its units are booked; a scan is never a quantity."""

from typing import Any

import pytest
from django.test import Client

from inventory.models import StockLevel, StockMovement, Transfer
from pms_backend.events.models import Event
from tests.factories import make_location, make_product, make_variant, set_stock
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db

DESK = "/admin/inventory/stocklevel/scan/"
BARCODE = "4006381333931"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _ten_lamps() -> None:
    """Ten of A-1 at `main`, none at `east`; B-1 is nowhere yet."""
    make_product("A-1", name="Desk lamp", barcode=BARCODE)
    make_product("B-1", name="Floor lamp", barcode="20000134")
    make_location("east", priority=200)
    set_stock("A-1", make_location("main", priority=1), 10)


def find(client: Client, q: str, **choices: str) -> Any:
    return client.get(DESK, {"q": q, **choices}, headers=HTMX)


def book(client: Client, job: str, quantity: object, **more: Any) -> Any:
    sent = {"sku": "A-1", "location": "main", "do": job, "quantity": quantity, **more}
    return client.post(DESK, sent, headers=HTMX)


def on_hand() -> dict[str, int]:
    levels = StockLevel.objects.values_list("variant__sku", "location__code", "on_hand")
    return {f"{sku}@{code}": units for sku, code, units in levels}


def log_of(response: Any) -> list[tuple[bool, str]]:
    return [(entry.is_booked, entry.text) for entry in response.context["entries"]]


@pytest.mark.parametrize("text", [BARCODE, "A-1", "a-1 ", "desk la"])
def test_a_barcode_a_sku_or_a_name_identifies_the_item(text: str) -> None:
    response = find(superuser(), text)

    assert response.context["variant"].sku == "A-1"
    assert [(level.location.code, level.available) for level in response.context["levels"]] == [("main", 10)]
    page = response.content.decode()
    assert "Desk lamp" in page
    assert "autofocus" in page
    assert response["HX-Trigger"] == "scan:found"


def test_a_name_of_several_items_lets_one_choose_and_an_unknown_text_says_so() -> None:
    client = superuser()

    assert [one.sku for one in find(client, "lamp").context["candidates"]] == ["A-1", "B-1"]
    assert "There is no SKU, barcode or name like “4711”." in find(client, "4711").content.decode()


@pytest.mark.parametrize(
    ("job", "quantity", "delta", "reason"),
    [
        ("receipt", "5", 5, "receipt"),
        ("sale", "3", -3, "sale"),
        ("return", "1", 1, "return"),
        ("correction", "-2", -2, "correction"),
        ("damage", "4", -4, "damage"),
        ("count", "7", -3, "count"),
    ],
)
def test_each_job_books_by_its_own_sign(job: str, quantity: str, delta: int, reason: str) -> None:
    more = {"expected_on_hand": "10"} if job == "count" else {"reference": "R-9"}

    response = book(superuser("anna"), job, quantity, note="wet", **more)

    movement = StockMovement.objects.latest("id")
    assert (movement.delta, movement.reason, movement.note, movement.actor) == (delta, reason, "wet", "user:anna")
    assert movement.reference == more.get("reference", "")
    sign = "+" if delta > 0 else "−"
    text = f"A-1 Desk lamp at Main: 10 → {10 + delta} on hand ({sign}{abs(delta)}, {reason.title()})."
    assert log_of(response) == [(True, text)]
    assert "variant" not in response.context


def test_a_move_takes_units_to_another_location_at_once() -> None:
    response = book(superuser(), "move", "4", target="east")

    assert on_hand() == {"A-1@main": 6, "A-1@east": 4}
    transfer = Transfer.objects.get()
    assert transfer.status == "received"
    assert log_of(response) == [(True, "A-1 Desk lamp: 4 moved from Main to East.")]
    assert f"/transfer/{transfer.pk}/" in response.content.decode()


@pytest.mark.parametrize(
    ("job", "quantity", "more", "reason"),
    [
        ("receipt", "", {}, "This field is required."),
        ("receipt", "-5", {}, "Ensure this value is greater than or equal to 1."),
        ("receipt", "0", {}, "Ensure this value is greater than or equal to 1."),
        ("receipt", "1_000", {}, "1_000 is no whole number, and no SKU or barcode that is known."),
        ("receipt", "10,00", {}, "10,00 is no whole number, and no SKU or barcode that is known."),
        ("correction", "0", {}, "A change of 0 is none."),
        ("sale", "11", {}, "10 of A-1 are available at main, 11 were asked for."),
        ("move", "4", {}, "Where do they go?"),
        ("move", "4", {"target": "main"}, "Another location."),
        ("count", "4", {"expected_on_hand": "9"}, "10 of A-1 were known at main, not 9."),
        ("receipt", BARCODE[:-1], {}, "Ensure this value is less than or equal to 1000000000."),
    ],
)
def test_a_refusal_is_said_at_the_field_and_in_the_log_and_changes_nothing(
    job: str, quantity: str, more: dict[str, str], reason: str
) -> None:
    events = Event.objects.count()

    response = book(superuser(), job, quantity, **more)

    ((is_booked, text),) = log_of(response)
    assert (is_booked, text) == (False, f"A-1 Desk lamp: nothing was booked. {reason}")
    assert response.context["variant"].sku == "A-1"
    assert reason in str(response.context["form"].errors)
    assert (on_hand(), Event.objects.count()) == ({"A-1@main": 10}, events)


def test_a_count_that_was_refused_is_sent_again_with_the_present_number() -> None:
    form = book(superuser(), "count", "4", expected_on_hand="9").context["form"]

    assert form["expected_on_hand"].value() == "10"


@pytest.mark.parametrize("scan", ["20000134", "B-1"])
def test_a_scan_in_the_quantity_is_the_next_item(scan: str) -> None:
    response = book(superuser(), "receipt", scan)

    assert on_hand() == {"A-1@main": 10}
    assert response.context["variant"].sku == "B-1"
    said_so = f"A-1 Desk lamp: nothing was booked. {scan} was scanned instead of a quantity."
    assert log_of(response) == [(False, said_so)]


@pytest.mark.parametrize(
    ("quantity", "sku", "is_asked"), [(100, "A-1", False), (101, "A-1", True), (1001, "B-1", True)]
)
def test_far_more_than_there_ever_was_is_asked_about(quantity: int, sku: str, is_asked: bool) -> None:
    client = superuser()

    response = book(client, "receipt", quantity, sku=sku)

    assert (StockMovement.objects.count() == 1) == is_asked
    if is_asked:
        assert f"Is it really {quantity:,} units?" in response.content.decode()
        book(client, "receipt", quantity, sku=sku, confirmed=quantity - 1)
        assert StockMovement.objects.count() == 1
        book(client, "receipt", quantity, sku=sku, confirmed=quantity)
        assert StockMovement.objects.latest("id").delta == quantity


def test_a_short_number_that_is_also_a_code_is_asked_about() -> None:
    make_product("7", name="Seven")

    response = book(superuser(), "receipt", "7")

    assert on_hand() == {"A-1@main": 10}
    assert "This number is also a SKU or a barcode." in response.content.decode()
    assert "?q=7" in response.content.decode()


def test_what_was_booked_is_undone_in_the_log() -> None:
    client = superuser()
    movement = book(client, "receipt", "5").context["entries"][0].movement

    undone = client.post(DESK, {"undo": movement}, headers=HTMX)
    again = client.post(DESK, {"undo": movement}, headers=HTMX)

    assert on_hand() == {"A-1@main": 10}
    assert log_of(undone) == [(True, "Undone: A-1 Desk lamp at Main: 15 → 10 on hand (−5, Correction).")]
    ((is_booked, text),) = log_of(again)
    assert not is_booked
    assert again["HX-Reswap"] == "beforebegin"
    assert text.startswith("Not undone: Movement")
    assert {client.post(DESK, {"undo": number}).status_code for number in ("0", "x", "9" * 40, "9" * 5000)} == {404}


@pytest.mark.django_db(transaction=True)
def test_what_is_sent_again_after_a_lost_answer_is_booked_once() -> None:
    client = superuser()
    key = find(client, "A-1").context["form"]["key"].value()
    refused = book(client, "sale", "99", key=key).context["form"]["key"].value()

    first, again, next_one = (book(client, "receipt", "5", key=one) for one in (key, key, "another"))

    assert refused == key
    assert [is_booked for response in (first, again, next_one) for is_booked, _ in log_of(response)] == [True] * 3
    assert log_of(again) == [(True, "A-1 Desk lamp: it was booked already; nothing was booked a second time.")]
    assert on_hand() == {"A-1@main": 20}


def test_job_and_location_stay_as_chosen() -> None:
    client = superuser()
    find(client, "A-1", do="damage", location="east")

    response = client.get(DESK)

    chosen = response.context["choices"]
    assert (chosen["do"].value(), chosen["location"].value()) == ("damage", "east")
    assert find(client, "A-1").context["job"] == "damage"


def test_without_scripts_the_same_forms_load_the_page() -> None:
    client = superuser()

    booked = client.post(DESK, {"sku": "A-1", "location": "main", "do": "receipt", "quantity": "5"}, follow=True)
    refused = client.post(DESK, {"sku": "A-1", "location": "main", "do": "sale", "quantity": "99"})

    assert said(booked) == ["A-1 Desk lamp at Main: 10 → 15 on hand (+5, Receipt)."]
    assert "15 of A-1 are available" in refused.content.decode()
    assert "<html" in refused.content.decode()


def test_those_who_may_only_look_see_the_item_and_book_nothing() -> None:
    client = staff_with("inventory.view_stocklevel")

    seen, refused = find(client, "A-1"), book(client, "receipt", "5")

    assert (seen.status_code, seen.context["form"]) == (200, None)
    assert refused.status_code == 403
    assert client.post(DESK, {"undo": StockMovement.objects.get().pk}).status_code == 403
    assert staff_with("products.view_product", name="eve").get(DESK).status_code == 403
    assert on_hand() == {"A-1@main": 10}


def test_a_move_needs_the_permissions_of_transfers() -> None:
    client = staff_with("inventory.view_stocklevel", "inventory.change_stocklevel")

    assert "move" not in client.get(DESK).context["jobs"]
    assert book(client, "move", "4", target="east").status_code == 403
    assert on_hand() == {"A-1@main": 10}


def test_finding_and_booking_take_a_constant_number_of_queries(django_assert_max_num_queries) -> None:
    client = superuser()
    for number in range(5):
        make_variant(f"A-1-{number}", options={})
        set_stock("A-1", make_location(f"shelf-{number}"), 10)
    find(client, "A-1")

    with django_assert_max_num_queries(12):
        find(client, "A-1")
    with django_assert_max_num_queries(18):
        book(client, "receipt", "5", key="one")
