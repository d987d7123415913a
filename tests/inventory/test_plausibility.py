"""Which quantities are asked about before they are stored."""

import pytest

from inventory import plausibility, services
from inventory.models import StockLevel
from inventory.plausibility import is_implausible, is_known_code, is_scan, largest_quantity_seen, question_about
from tests.factories import make_location, make_product, set_stock


@pytest.mark.parametrize(
    ("quantity", "seen", "is_asked"),
    [(1_000, None, False), (1_001, None, True), (120, 12, False), (121, 12, True), (-121, 12, True), (0, 0, False)],
)
def test_a_quantity_beyond_ten_times_the_largest_is_implausible(quantity: int, seen: int | None, is_asked: bool):
    assert is_implausible(quantity, seen) is is_asked
    assert (question_about(quantity, seen=seen, is_code=False) is None) is not is_asked


@pytest.mark.parametrize(
    ("text", "is_one"), [("20000013", True), ("2000001", False), ("TEA-1", True), ("-5", True), ("٣", True)]
)
def test_a_known_code_in_a_quantity_field_is_a_scan_unless_it_is_a_short_number(text: str, is_one: bool):
    assert is_scan(text) is is_one


def test_the_question_names_the_pieces_and_not_what_was_seen():
    many = question_about(20_000_013, seen=12, is_code=False)

    assert many == "Is it really 20,000,013 units? That is far more than there has ever been here."
    assert question_about(7, seen=12, is_code=True) == "Is it really 7 units? This number is also a SKU or a barcode."


@pytest.mark.django_db
def test_the_largest_quantity_is_of_the_latest_movements(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries):
    main = make_location("main")
    make_product("A-1")
    set_stock("A-1", main, 90)
    set_stock("A-1", main, 5)
    services.adjust_stock(sku="A-1", location="main", delta=2, reason="receipt")
    level = StockLevel.objects.get()

    with django_assert_num_queries(1):
        assert largest_quantity_seen(level.pk) == 90
    monkeypatch.setattr(plausibility, "MOVEMENTS_READ", 2)
    assert largest_quantity_seen(level.pk) == 85
    monkeypatch.setattr(plausibility, "MOVEMENTS_READ", 1)
    assert largest_quantity_seen(level.pk) == 7


@pytest.mark.django_db
def test_a_level_without_movements_has_seen_nothing():
    main = make_location("main")
    make_product("A-1")
    set_stock("A-1", main, 0)

    assert largest_quantity_seen(StockLevel.objects.get().pk) is None


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "is_known"), [("a-1", True), (" 4006381333931", True), ("400638133393", False)])
def test_a_sku_in_any_case_and_a_barcode_are_known_codes(text: str, is_known: bool):
    make_product("A-1", barcode="4006381333931")

    assert is_known_code(text) is is_known
