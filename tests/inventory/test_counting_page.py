"""Counting at the shelf: scan, number, scan, number."""

import pytest

from inventory import services
from inventory.models import StockMovement, Stocktake, StocktakeLine
from tests.factories import make_location, make_product, set_stock
from tests.inventory.counting import Shelf
from tests.staff import staff_with

pytestmark = pytest.mark.django_db

EAN_8 = "96385074"


@pytest.fixture
def sheet() -> Stocktake:
    """A blind sheet of A-1, which has the barcode 4006381333931, and B-1; C-1 is not on it."""
    make_location("main")
    make_product("A-1", name="Green tea", barcode="4006381333931")
    make_product("B-1", name="Black tea", barcode=EAN_8)
    set_stock("A-1", "main", 10)
    set_stock("B-1", "main", 5)
    sheet = services.create_stocktake(location="main")
    make_product("C-1", name="Mint")
    return sheet


@pytest.fixture
def shelf(sheet: Stocktake) -> Shelf:
    """Where a counter stands, who may count and not post."""
    return Shelf(staff_with("inventory.view_stocktake", "inventory.change_stocktake", name="ada"), sheet)


def counted() -> dict[str, int | None]:
    return dict(StocktakeLine.objects.values_list("variant__sku", "counted"))


def test_a_scan_shows_the_item_and_a_number_counts_it(shelf: Shelf):
    shelf.scan("4006381333931")
    assert shelf.answer.context["item"].name == "A-1 Green tea"

    shelf.enter("12")

    assert shelf.said == ["A-1 Green tea: 12 counted."]
    assert counted() == {"A-1": 12, "B-1": None}
    assert shelf.answer.context["item"] is None
    assert "1 of 2 counted" in shelf.text
    assert [line.variant.sku for line in shelf.answer.context["left"]] == ["B-1"]
    assert StockMovement.objects.filter(reference__startswith="stocktake").count() == 0


def test_a_blind_page_shows_nothing_of_what_is_expected(shelf: Shelf):
    pages = [shelf.text, shelf.scan("A-1").text, shelf.enter("10000000").text]

    assert not any("expected" in page for page in pages)


def test_a_page_that_is_not_blind_shows_what_is_expected(sheet: Stocktake, shelf: Shelf):
    Stocktake.objects.update(is_blind=False)

    assert "10 expected" in shelf.scan("A-1").text


@pytest.mark.parametrize("scan", [EAN_8, "b-1"])
def test_a_scan_in_the_number_field_is_the_next_item(shelf: Shelf, scan: str):
    shelf.scan("A-1").enter(scan)

    assert shelf.said == ["A-1 Green tea was left uncounted."]
    assert shelf.answer.context["item"].name == "B-1 Black tea"
    assert counted() == {"A-1": None, "B-1": None}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("NOPE", "Enter a whole number, such as 1,250."),
        ("-1", "Ensure this value is greater than or equal to 0."),
        ("", "This field is required."),
        ("1000000001", "Ensure this value is less than or equal to 1000000000."),
    ],
)
def test_what_is_no_number_is_refused_at_the_field(shelf: Shelf, text: str, error: str):
    shelf.scan("A-1").enter(text)

    assert shelf.answer.context["number_error"] == error
    assert error in shelf.text
    assert shelf.answer.context["item"].name == "A-1 Green tea"
    assert counted() == {"A-1": None, "B-1": None}


def test_what_nobody_knows_is_said_at_the_scan_box(shelf: Shelf):
    shelf.scan("4711")

    assert "There is no SKU and no barcode 4711." in shelf.text


def test_a_number_that_is_hard_to_believe_is_asked_about(shelf: Shelf):
    shelf.scan("A-1").enter("20000013")
    assert shelf.question == "Is it really 20,000,013 units? That is far more than there has ever been here."
    assert counted()["A-1"] is None

    shelf.enter("12")

    assert (shelf.question, counted()["A-1"]) == (None, 12)


@pytest.mark.parametrize(("number", "pressed"), [("1", {}), ("", {"answer": "yes"})])
def test_it_is_stored_once_it_is_entered_again_or_confirmed(shelf: Shelf, number: str, pressed: dict[str, str]):
    shelf.scan("A-1").enter("100").scan("A-1").enter("+1")
    asked = "Is it really 101 units? That is far more than there has ever been here."
    assert (shelf.question, counted()["A-1"]) == (asked, 100)

    shelf.enter(number, **pressed)

    assert counted()["A-1"] == 101


def test_a_short_number_that_is_also_a_sku_is_asked_about(shelf: Shelf):
    make_product("7", name="Seven")

    shelf.scan("A-1").enter("7")

    assert shelf.question == "Is it really 7 units? This number is also a SKU or a barcode."
    assert counted()["A-1"] is None


@pytest.mark.parametrize(
    ("number", "pressed", "count", "message"),
    [
        ("5", {}, 5, "A-1 Green tea: 5 counted, instead of 12."),
        ("", {"answer": "replace"}, 5, "A-1 Green tea: 5 counted, instead of 12."),
        ("", {"answer": "add"}, 17, "A-1 Green tea: 5 added, 17 counted."),
        ("+5", {}, 17, "A-1 Green tea: 5 added, 17 counted."),
    ],
)
def test_an_item_in_two_places_is_replaced_or_added(
    shelf: Shelf, number: str, pressed: dict[str, str], count: int, message: str
):
    shelf.scan("A-1").enter("12").scan("A-1").enter("5")
    assert shelf.question == "12 were counted already. Do 5 replace them, or were they found in another place?"
    assert counted()["A-1"] == 12

    shelf.enter(number, **pressed)

    assert (shelf.said, counted()["A-1"]) == ([message], count)


def test_a_number_that_is_sent_twice_is_added_once(shelf: Shelf):
    shelf.scan("A-1").enter("12").scan("A-1")
    first_page = shelf.answer

    shelf.enter("+5")
    shelf.answer = first_page
    shelf.enter("+5")

    assert shelf.answer.context["number_error"] == "Somebody has entered 17 for A-1 meanwhile."
    assert counted()["A-1"] == 17


def test_what_somebody_else_counted_meanwhile_is_not_lost(sheet: Stocktake, shelf: Shelf):
    shelf.scan("A-1")
    services.record_counts(stocktake_id=sheet.pk, counts=[services.StocktakeCount(sku="A-1", counted=9)])

    shelf.enter("3")

    assert shelf.question == "9 were counted already. Do 3 replace them, or were they found in another place?"
    assert counted()["A-1"] == 9


def test_a_count_is_taken_back(shelf: Shelf):
    shelf.scan("A-1").enter("12").scan("A-1").enter("", remove="1")

    assert (shelf.said, counted()["A-1"]) == (["A-1 Green tea: the count is removed."], None)


def test_what_is_not_on_the_sheet_is_added_with_a_word(shelf: Shelf):
    assert "It is not on this sheet" in shelf.scan("C-1").text

    shelf.enter("2")

    assert shelf.said == ["C-1 Mint: 2 counted. It was added to the sheet."]
    assert counted() == {"A-1": None, "B-1": None, "C-1": 2}


@pytest.mark.parametrize("may_post", [False, True])
def test_the_end_is_clear(sheet: Stocktake, may_post: bool):
    more = ("inventory.post_stocktake",) if may_post else ()
    shelf = Shelf(staff_with("inventory.view_stocktake", "inventory.change_stocktake", *more), sheet)

    shelf.scan("A-1").enter("12").scan("B-1").enter("5")

    said = "All 2 lines are counted: review and post them."
    handed_on = "All 2 lines are counted. Whoever may post them finds the sheet under Count sheets."
    assert (said in shelf.text, handed_on in shelf.text) == (may_post, not may_post)
    assert ("Review and post" in shelf.text) is may_post


def test_an_empty_sheet_says_what_to_do():
    sheet = services.create_stocktake(location=make_location("main").code)

    shelf = Shelf(staff_with("inventory.change_stocktake"), sheet)

    assert "Nothing is expected here. Scan what you find" in shelf.text
    assert "lines are counted" not in shelf.text


def test_htmx_gets_the_panel_alone_at_a_fixed_cost(shelf: Shelf, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        answer = shelf.client.get(shelf.url, {"q": "A-1"}, headers={"HX-Request": "true"})

    saved = shelf.client.post(shelf.url, {"sku": "A-1", "number": "12"}, headers={"HX-Request": "true"})
    assert "A-1 Green tea: 12 counted." in saved.content.decode()
    assert "1 of 2 counted" in saved.content.decode()
    assert answer.content.decode().lstrip().startswith('<div id="panel-messages"')
    assert "data-scan-panel" in answer.content.decode()
    assert "<html" not in answer.content.decode()
