"""Stock is changed by a CSV file: a preview says what it would do, and only that is applied."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from inventory import bulk_file, services
from inventory.bulk_file import BulkFileUnusable, read_bulk_file
from inventory.models import StockLevel, StockMovement
from inventory.services import bulk
from pms_backend.events.models import Event
from tests.factories import make_location, make_product, set_stock
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db

PAGE = "/admin/inventory/stocklevel/bulk/"


@pytest.fixture
def stock() -> None:
    """Ten of A-1 (with a barcode), five of B-2 and none of C-3 at `main`; `shop` is empty."""
    for sku, barcode in (("A-1", "4006381333931"), ("B-2", ""), ("C-3", "")):
        make_product(sku, barcode=barcode)
    make_location()
    make_location("shop")
    set_stock("A-1", "main", 10)
    set_stock("B-2", "main", 5)


def preview(client: Client, text: str | bytes, **more: Any) -> Any:
    sent = {"file": SimpleUploadedFile("stock.csv", text)} if isinstance(text, bytes) else {"text": text}
    return client.post(PAGE, {**sent, **more})


def apply(client: Client, shown: Any, **more: Any) -> Any:
    return client.post(PAGE, {"plan": shown.context["plan"], **more})


def on_hand() -> dict[str, int]:
    levels = StockLevel.objects.order_by("variant__sku", "location__code")
    return {f"{one.variant.sku}@{one.location.code}": one.on_hand for one in levels}


def changes(shown: Any) -> list[tuple[str, int, str]]:
    """SKU, on hand, and afterwards as it is shown, of each row of the first table."""
    return [(row[1], row[4], re.sub("<[^>]+>", "", str(row[5]))) for row in shown.context["tables"][0].rows]


def refusals(shown: Any) -> list[tuple[int, str]]:
    return [(row[0], row[2]) for table in shown.context["tables"] for row in table.rows if len(row) == 3]


COUNTS = "SKU;Location;On hand\nA-1;main;7\n4006381333931;shop;3\nb-2;main;5\nX-9;main;1\nC-3;moon;1\nC-3;main;many\n"


def test_a_preview_says_what_would_change_and_changes_nothing(stock: None):
    events, movements = Event.objects.count(), StockMovement.objects.count()

    shown = preview(superuser(), COUNTS)

    assert shown.context["summary"] == "2 rows change stock, 1 finds what is known, 3 cannot be applied."
    assert changes(shown) == [("A-1", 10, "7"), ("A-1", 0, "3")]
    assert refusals(shown) == [
        (5, "There is no SKU and no barcode X-9."),
        (6, "There is no location moon."),
        (7, "“many” in on_hand is not a whole number."),
    ]
    assert on_hand() == {"A-1@main": 10, "B-2@main": 5}
    assert (Event.objects.count(), StockMovement.objects.count()) == (events, movements)


def test_what_the_preview_has_shown_is_applied_in_the_name_of_who_did_it(stock: None):
    client = superuser("anna")
    shown = preview(client, COUNTS, reference="Autumn")

    done = apply(client, shown)

    assert on_hand() == {"A-1@main": 7, "A-1@shop": 3, "B-2@main": 5}
    assert done.context["summary"] == "2 rows changed stock, 1 finds what is known, 3 were not applied."
    made = StockMovement.objects.order_by("-id")[:2]
    assert [(one.delta, one.reason, one.reference, one.actor) for one in made] == [
        (3, "count", "Autumn", "user:anna"),
        (-3, "count", "Autumn", "user:anna"),
    ]
    ledger = "/admin/inventory/stockmovement/?reference=Autumn"
    assert done.context["links"] == [("See the movements of Autumn", ledger)]


def test_changes_have_a_reason_each_or_the_chosen_one(stock: None):
    client = superuser()
    text = "sku\tdelta\treason\tnote\tlocation\nA-1\t+5\tReceipt\tpallet\t\nA-1\t−2\t\t\tmain\nB-2\t-6\tsale\t\tmain\n"

    shown = preview(client, text, location="main", reason="damage")
    apply(client, shown)

    assert changes(shown) == [("A-1", 10, "15"), ("A-1", 15, "13")]
    assert refusals(shown) == [(4, "5 of B-2 are available at main, 6 were asked for.")]
    assert on_hand() == {"A-1@main": 13, "B-2@main": 5}
    made = StockMovement.objects.order_by("-id").values_list("delta", "reason", "note")[:2]
    assert list(made) == [(-2, "damage", ""), (5, "receipt", "pallet")]


def test_a_file_is_applied_once(stock: None):
    client = superuser()
    shown = preview(client, "sku,delta,reason,location\nA-1,5,receipt,main\n")
    apply(client, shown)

    again = client.post(PAGE, {"plan": shown.context["plan"]}, follow=True)

    assert on_hand()["A-1@main"] == 15
    assert said(again) == ["This was applied already; nothing was changed a second time."]


def test_a_count_of_a_level_that_has_changed_since_the_preview_is_refused(stock: None):
    client = superuser()
    shown = preview(client, "sku,on_hand,location\nA-1,7,main\nB-2,4,main\n")
    set_stock("A-1", "main", 8)

    done = apply(client, shown)

    assert on_hand() == {"A-1@main": 8, "B-2@main": 4}
    assert refusals(done) == [(2, "Changed since the preview: 8 of A-1 were known at main, not 10.")]


def test_all_or_nothing_waits_for_a_file_without_errors(stock: None):
    client = superuser()

    blocked = preview(client, COUNTS, all_or_nothing="on")
    shown = preview(client, "sku,on_hand,location\nA-1,7,main\nB-2,4,main\n", all_or_nothing="on")
    set_stock("A-1", "main", 8)
    done = client.post(PAGE, {"plan": shown.context["plan"]}, follow=True)

    assert not blocked.context["is_applicable"]
    assert on_hand() == {"A-1@main": 8, "B-2@main": 5}
    assert said(done) == ["Nothing was changed: 8 of A-1 were known at main, not 10."]


def test_the_refused_rows_are_downloaded_as_they_were_with_the_reason(stock: None):
    client = superuser()
    shown = preview(client, 'sku,delta,note,reason\nX-9,-3,=1+1,sale\n"=""0123""",1,,sale\n', location="main")

    file = client.post(PAGE, {"plan": shown.context["plan"], "download": "1"})

    assert file["Content-Disposition"] == 'attachment; filename="refused-rows.csv"'
    assert file.content.decode() == (
        "sku,delta,note,reason,refused_because\n"
        "X-9,-3,'=1+1,sale,There is no SKU and no barcode X-9.\n"
        "'0123,1,,sale,There is no SKU and no barcode 0123.\n"
    )


def test_a_file_without_a_row_that_can_be_applied_has_nothing_to_apply(stock: None):
    client = superuser()
    shown = preview(client, "sku,delta,location\nX-9,1,main\n", reason="receipt")

    done = apply(client, shown)

    assert not shown.context["is_applicable"]
    assert (done.context["title"], refusals(done)) == (
        "Nothing was changed",
        [(2, "There is no SKU and no barcode X-9.")],
    )


def test_quantities_beyond_ten_times_what_a_level_has_had_come_first_and_are_marked(stock: None):
    set_stock("B-2", "main", 2)
    text = "sku,on_hand\nA-1,100\nB-2,50\nA-1,20000013\nC-3,1000\nC-3,1001\n"

    shown = preview(superuser(), text.replace("A-1,100\n", "").replace("C-3,1000\n", ""), location="main")
    plausible = preview(superuser("ben"), "sku,on_hand\nA-1,100\nC-3,1000\n", location="main")

    assert changes(shown) == [
        ("A-1", 10, "⚠ unusually many: 20,000,013"),
        ("C-3", 0, "⚠ unusually many: 1,001"),
        ("B-2", 2, "50"),
    ]
    assert shown.context["warning"].startswith("2 quantities are more than ten times")
    assert plausible.context["warning"] == ""


def test_a_preview_is_of_its_user_and_unchanged(stock: None):
    shown = preview(superuser("anna"), COUNTS)
    other = superuser("ben")

    of_another = other.post(PAGE, {"plan": shown.context["plan"]}, follow=True)
    forged = other.post(PAGE, {"plan": shown.context["plan"][:-1]}, follow=True)

    assert said(of_another) == ["This preview is not valid any more, so that nothing was changed. Look again."]
    assert said(forged) == said(of_another)
    assert on_hand() == {"A-1@main": 10, "B-2@main": 5}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PK\x03\x04rest", "This is a workbook. Save the sheet as CSV, or copy its cells and paste them."),
        ("sku,on_hand\nA,1".encode("utf-16"), "The file is in UTF-16. Save it as “CSV UTF-8”."),
        (b"sku,on_hand\nA,1\n\xfc,2", "Line 3 is not UTF-8. Save the file as “CSV UTF-8”."),
        (b"sku,on_hand\nA\x00,1", "The file holds a NUL character: it is not a text."),
        (b"name,on_hand\nA,1", "The first line names no column “sku”. It has to name the columns."),
        (
            b"sku,on_hand,delta\nA,1,1",
            "The first line names either “on_hand”, for counts, or “delta”, for changes, and not both.",
        ),
        (b"sku,sku,delta\nA,1,1", "The column sku is there twice."),
        (b"sku,delta\n", "There are no rows below the line with the names of the columns."),
        (b'sku,delta\nA,"1', "Line 2 cannot be read as CSV: unexpected end of data."),
        (b"", "The first line names no column “sku”. It has to name the columns."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, why: str):
    with pytest.raises(BulkFileUnusable) as refused:
        read_bulk_file(content)

    assert str(refused.value) == why


def test_a_file_has_a_most_of_rows_and_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_file, "MAX_BULK_ROWS", 2)
    monkeypatch.setattr(bulk_file, "MAX_BULK_BYTES", 30)

    assert len(read_bulk_file(b"sku,delta\nA,1\n\nB,1\n").rows) == 2
    with pytest.raises(BulkFileUnusable, match="more than 2 rows"):
        read_bulk_file(b"sku,delta\nA,1\nB,1\nC,1\n")
    with pytest.raises(BulkFileUnusable, match="larger than"):
        read_bulk_file(b"sku,delta\n" + b"A,1\n" * 6)


def test_spreadsheets_habits_are_read():
    file = read_bulk_file(
        '\ufeffBarcode;Counted;Note\r\n="0123";5.0;"two\nlines"\r\n4.00638E+12;1;\r\n1;2;;;x\r\n'.encode()
    )

    assert [(row.line, row.values.get("barcode"), row.values.get("note")) for row in file.rows] == [
        (2, "0123", "two\nlines"),
        (4, "4.00638E+12", ""),
        (5, "1", ""),
    ]
    assert [bool(row.problem) for row in file.rows] == [False, True, True]
    assert [bulk_file.whole_number(text) for text in ("5.0", "1,000", "1_0", "٣")] == [5, None, None, None]


def test_a_second_count_of_a_level_is_refused(stock: None):
    shown = preview(superuser(), "sku,on_hand,location\nA-1,7,main\na-1,8,main\n")

    assert changes(shown) == [("A-1", 10, "7")]
    assert refusals(shown) == [(3, "An earlier row counts the same SKU at the same location.")]


def test_a_preview_of_the_service_locks_levels_for_its_moment_only(stock: None):
    rows = [services.Count(index=0, sku="C-3", location="main", on_hand=4)]

    (result,) = bulk.preview_bulk(rows=rows)

    assert (result.before, result.after, result.outcome.status) == (0, 4, "applied")
    assert not StockLevel.objects.filter(pk=result.level_id).exists()


def test_who_may_only_look_is_refused(stock: None):
    client = staff_with("inventory.view_stocklevel")

    assert preview(client, COUNTS).status_code == 403
    assert on_hand() == {"A-1@main": 10, "B-2@main": 5}


def test_a_preview_of_many_rows_has_few_queries(stock: None, django_assert_max_num_queries: Any):
    client = superuser()
    for number in range(30):
        make_product(f"N-{number}")
    text = "sku,on_hand,location\n" + "".join(f"N-{number},2000,main\n" for number in range(30))

    # Two of the session, those of the page's frame, and one for each look-up.
    with django_assert_max_num_queries(22):
        shown = preview(client, text)

    assert len(shown.context["tables"][0].rows) == 30
