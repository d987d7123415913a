"""Imports of CSV files: the products that are written, and the problems that are reported."""

from decimal import Decimal
from typing import Any

import pytest

from inventory.models import StockLevel, StockMovement
from pms_backend.events.models import Event
from pms_integration.files import limits
from products.models import Category, Product, ProductImage, Variant
from products.services import archive_product, create_category, image_urls
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.pms_integration.files.importing import counts, imported, table

pytestmark = pytest.mark.django_db


def line(handle: str = "lamp", **more: str) -> dict[str, Any]:
    return {"Handle": handle, "Title": "Lamp", "Variant Price": "10.00", **more}


def problems(job: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(one["line"], one["column"], one["code"]) for one in job["errors"]]


def test_columns_in_any_order_with_a_bom_windows_line_ends_and_empty_lines(api: JSONClient):
    content = (
        "\ufeffVariant Price,Colour of the sky,Title,Handle\r\n\r\n9.50,blue,Lamp,lamp\r\n,,,\r\n3,grey,Desk,desk\r\n"
    )

    job = imported(api, content)

    assert (counts(job), job["processed"], job["total"]) == ({"created": 2}, 2, 2)
    assert [(one["code"], one["detail"]) for one in job["warnings"]] == [
        ("unknown_columns", "Not kept, since there is nothing here for it: Colour of the sky.")
    ]
    assert set(Variant.objects.values_list("sku", "price")) == {("lamp", Decimal("9.50")), ("desk", Decimal(3))}


def test_a_line_break_in_a_cell_counts_as_a_line_of_the_file_but_is_one_record(api: JSONClient):
    content = 'Handle,Title,Body (HTML),Variant Price\nlamp,Lamp,"<p>One\ntwo</p>",5\ndesk,Desk,,x\n'

    job = imported(api, content)

    assert (problems(job), job["total"]) == ([(4, "Variant Price", "invalid_amount")], 2)
    assert Product.objects.get().description == "<p>One\ntwo</p>"


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("Variant Price", "1,299.00", "invalid_amount"),
        ("Variant Price", "$5", "invalid_amount"),
        ("Variant Price", "-5", "negative_amount"),
        ("Variant Price", "1e3", "invalid_amount"),
        ("Variant Price", "1.005", "max_decimal_places"),
        ("Variant Grams", "heavy", "invalid_number"),
        ("Variant Inventory Qty", "1.5", "invalid_number"),
        ("Variant Inventory Qty", "1000000001", "invalid_quantity"),
        ("Variant Currency", "Euro", "invalid_currency"),
        ("Published", "perhaps", "invalid_flag"),
        ("Status", "sold", "invalid_status"),
        ("Image Position", "first", "invalid_number"),
        ("Handle", "!!!", "invalid"),
        ("Title", "x" * 256, "max_length"),
        ("Title", "a\x00b", "null_character"),
        ("Tags", "x" * 101, "max_length"),
    ],
)
def test_a_bad_cell_is_named_and_its_product_left_out(api: JSONClient, column: str, cell: str, code: str):
    make_location()
    bad = line(**{"Image Src": "https://a.example/a.png", column: cell}) if column != "Handle" else line(cell)

    job = imported(api, table(line("desk", **{column: ""} if column not in ("Handle", "Title") else {}), bad))

    assert counts(job) == {"created": 1, "failed": 1}
    assert problems(job) == [(3, "" if code == "null_character" else column, code)]
    assert Product.objects.get().handle == "desk"


def test_a_product_fails_once_for_all_its_bad_lines(api: JSONClient):
    rows = [line(**{"Option1 Name": "Size", "Option1 Value": size, "Variant Price": "x"}) for size in ("S", "M")]

    job = imported(api, table(*rows))

    assert (counts(job), problems(job)) == (
        {"failed": 1},
        [(2, "Variant Price", "invalid_amount"), (3, "Variant Price", "invalid_amount")],
    )


def test_bytes_that_are_not_utf_8_are_named(api: JSONClient):
    content = "Handle,Title\nlamp,Lamp\ncafe,Café\ndesk,Desk\n".encode("cp1252")

    job = imported(api, content)

    assert (counts(job), problems(job)) == ({"created": 2, "failed": 1}, [(3, "", "not_utf8")])
    assert job["errors"][0]["detail"] == "Byte 9 of line 3 is not UTF-8; save the file as UTF-8."


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty."),
        (b"Title,Price\nLamp,3\n", "The first line names no column Handle."),
        (
            b"Handle;Title\nlamp;Lamp\n",
            "The first line names no column Handle. Its columns have to be parted by commas.",
        ),
        ("Handle,Title\n".encode("utf-16"), "The file is UTF-16; save it as UTF-8."),
        (b"Handle,Title,title\n", "The column Title is there twice."),
        (b"Handle" + b",x" * limits.MAX_COLUMNS, f"The file has {limits.MAX_COLUMNS + 1} columns; 500 are the most."),
    ],
)
def test_an_unusable_file_fails_with_the_reason(api: JSONClient, content: bytes, reason: str):
    job = imported(api, content)

    assert (job["status"], job["error"], counts(job)) == ("failed", reason, {})
    assert Event.objects.get(type="import.finished").data["error"] == reason


def test_a_quote_that_is_never_closed_costs_its_own_line_only(api: JSONClient):
    content = 'Handle,Title\nlamp,"Lamp\n' + "".join(f"desk-{number},Desk\n" for number in range(50))

    job = imported(api, content)

    assert (counts(job), problems(job)) == ({"created": 50, "failed": 1}, [(2, "", "malformed_line")])


def test_a_line_that_is_too_long_costs_itself_only(api: JSONClient, monkeypatch):
    monkeypatch.setattr("pms_integration.files.records.MAX_RECORD_BYTES", 1_000)

    job = imported(api, f"Handle,Title\nlamp,{'x' * 5_000}\ndesk,Desk\n")

    assert (counts(job), problems(job)) == ({"created": 1, "failed": 1}, [(2, "", "line_too_long")])


def test_more_lines_than_a_product_may_have(api: JSONClient):
    images = ({"Handle": "lamp", "Image Src": f"https://a.example/{n}"} for n in range(limits.MAX_LINES_PER_PRODUCT))

    job = imported(api, table(line(), *images, line("desk")))

    assert (counts(job), problems(job)) == ({"created": 1, "failed": 1}, [(2, "Handle", "too_many_lines")])
    assert job["processed"] == limits.MAX_LINES_PER_PRODUCT + 2


def test_more_errors_than_a_file_may_have(api: JSONClient, monkeypatch):
    monkeypatch.setattr("pms_integration.files.services.results.MAX_ERRORS", 3)

    job = imported(api, table(*(line(f"lamp-{n}", **{"Variant Price": "x"}) for n in range(5))))

    assert (job["status"], job["error"]) == ("failed", "More than 3 errors: the file is not what it was taken for.")


def test_options_skus_and_stock_of_several_variants(api: JSONClient):
    make_location("other", priority=1)
    make_location("main", priority=2)
    rows = [
        line(**{"Option1 Name": "Size", "Option1 Value": "Large & wide", "Variant Inventory Qty": "3"}),
        {"Handle": "lamp", "Option1 Value": "Small", "Variant SKU": "own-1", "Variant Inventory Qty": ""},
    ]

    imported(api, table(*rows), location="main")

    lamp = Product.objects.get()
    assert lamp.options == [{"name": "Size", "values": ["Large & wide", "Small"]}]
    assert [(v.sku, v.options, v.price) for v in lamp.variants.all()] == [
        ("lamp-large-wide", {"Size": "Large & wide"}, Decimal(10)),
        ("own-1", {"Size": "Small"}, None),
    ]
    assert list(StockLevel.objects.values_list("variant__sku", "location__code", "on_hand")) == [
        ("lamp-large-wide", "main", 3)
    ]


def test_generated_skus_are_free_and_found_again(api: JSONClient):
    make_product("lamp", name="Other")
    make_product("LAMP-2", name="Another")
    content = table(line(), line("desk", **{"Variant SKU": "lamp-3"}))

    first, second = imported(api, content), imported(api, content)

    assert Product.objects.get(handle="lamp").variants.get().sku == "lamp-4"
    assert (counts(first), counts(second)) == ({"created": 2}, {"unchanged": 2})


def test_a_variant_is_found_by_its_options_when_its_sku_is_new(api: JSONClient):
    sized = {"Option1 Name": "Size", "Option1 Value": "S"}
    imported(api, table(line(**sized)))
    before = Variant.objects.get()

    job = imported(api, table(line(**sized, **{"Variant SKU": "NEW"})))

    after = Variant.objects.get()
    assert (counts(job), after.pk, after.sku) == ({"updated": 1}, before.pk, "NEW")


def test_a_sku_of_another_product_is_refused(api: JSONClient):
    make_product("A-1", handle="other")

    job = imported(api, table(line(**{"Variant SKU": "a-1"}), line("desk", **{"Variant SKU": "B-1"})))

    assert (counts(job), problems(job)) == ({"created": 1, "failed": 1}, [(2, "Variant SKU", "sku_taken")])
    assert job["errors"][0]["detail"] == "a-1 belongs to other."
    assert Product.objects.get(handle="other").name == "Lamp"


def test_two_lines_of_the_same_variant_are_refused(api: JSONClient):
    same = {"Option1 Name": "Size", "Option1 Value": "S"}

    job = imported(api, table(line(**same), {"Handle": "lamp", "Option1 Value": "S", "Variant Price": "1"}))

    assert problems(job) == [(3, "Option1 Value", "duplicate_options")]


def test_lines_of_a_product_at_separate_places_update_it(api: JSONClient):
    rows = [line(), line("desk"), {"Handle": "lamp", "Image Src": "https://a.example/a.png"}]

    job = imported(api, table(*rows))

    assert counts(job) == {"created": 2, "updated": 1}
    assert Product.objects.get(handle="lamp").name == "Lamp"
    assert ProductImage.objects.get().product.handle == "lamp"


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        ({"Published": "true"}, "active"),
        ({"Published": "FALSE"}, "draft"),
        ({"Status": "active"}, "active"),
        ({"Status": "active", "Published": "false"}, "draft"),
        ({"Status": "draft", "Published": "true"}, "draft"),
        ({"Status": "archived", "Published": "true"}, "archived"),
        ({}, "draft"),
    ],
)
def test_published_and_status_decide_the_state(api: JSONClient, cells: dict[str, str], status: str):
    imported(api, table(line(**cells)))

    assert Product.objects.get().status == status


def test_a_product_that_breaks_a_publish_rule_becomes_a_draft(api: JSONClient):
    job = imported(api, table(line(**{"Variant Price": "", "Published": "true"}), line("desk", Published="true")))

    assert counts(job) == {"created": 2}
    assert [(one["line"], one["column"], one["code"]) for one in job["warnings"]] == [(2, "Status", "not_published")]
    assert dict(Product.objects.values_list("handle", "status")) == {"lamp": "draft", "desk": "active"}


@pytest.mark.parametrize(("cells", "status"), [({"Status": "active"}, "active"), ({}, "archived")])
def test_a_status_in_the_file_restores_an_archived_product(api: JSONClient, cells: dict[str, str], status: str):
    product = make_product("lamp", handle="lamp", name="Old")
    archive_product(product_id=product.pk)

    imported(api, table(line(**cells)))

    product.refresh_from_db()
    assert (product.status, product.name) == (status, "Lamp")


def test_only_filled_quantities_are_counts(api: JSONClient):
    main = make_location()
    make_product("lamp", handle="lamp")
    make_product("desk", handle="desk")
    set_stock("lamp", main, 5)
    set_stock("desk", main, 7)
    quantity = "Variant Inventory Qty"

    job = imported(api, table({"Handle": "lamp", quantity: "3"}, {"Handle": "desk", quantity: "7"}))

    assert counts(job) == {"updated": 1, "unchanged": 1}
    last = StockMovement.objects.latest("id")
    assert (last.level.variant.sku, last.reason, last.delta) == ("lamp", "count", -2)
    assert last.actor == "client:tests"


def test_a_negative_quantity_is_a_warning(api: JSONClient):
    make_location()

    job = imported(api, table(line(**{"Variant Inventory Qty": "-2"})))

    assert (counts(job), [one["code"] for one in job["warnings"]]) == ({"created": 1}, ["negative_quantity"])
    assert not StockLevel.objects.exists()


@pytest.mark.parametrize(
    "url",
    ["no address", "ftp://a.example/a", "file:///etc/passwd", "//a.example/a", "http://", "http://xn--/a",
     "http://xn--zz-zzzz.com/a", "http://a..b/a", "http://\u2060.com/a", f"http://{'a' * 64}.com/a",
     "http://user:secret@a.example/a", "http://a.example/" + "a" * 2_048],
)  # fmt: skip
def test_an_invalid_image_url_is_a_warning(api: JSONClient, url: str):
    job = imported(api, table(line(**{"Image Src": url})))

    assert (counts(job), [one["code"] for one in job["warnings"]]) == ({"created": 1}, ["invalid_image_url"])
    assert not ProductImage.objects.exists()


def test_an_image_is_imported_once_and_its_text_can_change(api: JSONClient):
    cells = {"Image Src": "https://a.example/a.png", "Image Alt Text": "A lamp"}
    imported(api, table(line(**cells)))

    again = imported(api, table(line(**cells), {"Handle": "lamp", "Image Src": cells["Image Src"]}))
    changed = imported(api, table(line(**cells | {"Image Alt Text": "The lamp"})))

    assert ProductImage.objects.get().alt == "The lamp"
    assert (counts(again), counts(changed)) == ({"unchanged": 1}, {"updated": 1})


def test_images_beyond_the_limit_of_a_product_are_left_out_with_a_warning(
    api: JSONClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(image_urls, "MAX_IMAGES", 3)
    urls = [f"https://a.example/{number}.png" for number in range(5)]
    imported(api, table(line(**{"Image Src": urls[4]})))

    job = imported(api, table(line(**{"Image Src": urls[0]}), *({"Handle": "lamp", "Image Src": url} for url in urls)))

    assert (counts(job), [one["code"] for one in job["warnings"]]) == ({"updated": 1}, ["too_many_images"])
    assert job["warnings"][0]["detail"] == "A product has at most 3 images; 2 of these are left out."
    assert set(ProductImage.objects.values_list("source_url", flat=True)) == {urls[4], *urls[:2]}


def test_html_is_sanitised_and_other_text_left_alone(api: JSONClient):
    rows = [
        line(**{"Body (HTML)": '<p onclick="x()">Hi<script>x()</script></p>'}),
        line("desk", **{"Body (HTML)": "3 < 4 & more"}),
    ]

    imported(api, table(*rows))

    assert Product.objects.get(handle="lamp").description == "<p>Hi</p>"
    assert Product.objects.get(handle="desk").description == "3 < 4 & more"


def test_categories_are_found_by_path_or_created(api: JSONClient):
    top = create_category(name="Home", slug="home")
    create_category(name="Lamps", slug="lamps", parent=top)
    rows = [
        line("a", **{"Product Category": "Home > Lamps"}),
        line("b", **{"Product Category": "lamps"}),
        line("c", **{"Product Category": "Garden > Lamps"}),
        line("d", **{"Product Category": ""}),
    ]

    imported(api, table(*rows))

    found = dict(Product.objects.values_list("handle", "category__slug"))
    assert found == {"a": "lamps", "b": "lamps", "c": "garden-lamps", "d": None}
    assert Category.objects.get(slug="garden-lamps").parent.slug == "garden"


def test_a_type_is_an_attribute_and_the_category_with_its_name(api: JSONClient):
    create_category(name="Lamps", slug="lamps")

    imported(api, table(line("a", Type="lamps"), line("b", Type="Chairs")))

    assert list(Product.objects.order_by("handle").values_list("attributes", "category__slug")) == [
        ({"product_type": "lamps"}, "lamps"),
        ({"product_type": "Chairs"}, None),
    ]


def test_a_missing_column_changes_nothing_and_an_empty_cell_clears_the_field(api: JSONClient):
    make_product("lamp", handle="lamp", name="Old", brand="Brand", tags=["a"], barcode="b-1", cost="3.00")

    imported(api, table({"Handle": "lamp", "Title": "New", "Vendor": "", "Variant Price": "2", "Variant Barcode": ""}))

    lamp = Product.objects.get()
    variant = lamp.variants.get()
    assert (lamp.name, lamp.brand, lamp.tags) == ("New", "", ["a"])
    assert (variant.sku, variant.price, variant.barcode, variant.cost) == ("lamp", Decimal(2), "", Decimal(3))


def test_the_actor_of_all_writes_is_the_sender_of_the_file(api: JSONClient):
    imported(api, table(line()), headers={"X-Request-Id": "from-the-shop"})

    origins = set(Event.objects.values_list("type", "actor", "request_id"))
    assert origins == {
        ("product.created", "client:tests", "from-the-shop"),
        ("import.finished", "client:tests", "from-the-shop"),
    }
