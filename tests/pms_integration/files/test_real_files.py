"""The deviations in files of other systems, and how an import handles them."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from pms_integration.files import limits
from pms_integration.models import ImportJob
from products.models import Product, Variant
from products.services import create_category
from tests.conftest import JSONClient
from tests.factories import make_location, make_product
from tests.pms_integration.files.importing import counts, exported, imported, parsed, table

pytestmark = pytest.mark.django_db

SIZES = {"Option1 Name": "Size", "Option1 Value": "S"}


def line(handle: str = "lamp", **more: str) -> dict[str, Any]:
    return {"Handle": handle, "Title": "Lamp", "Variant Price": "10.00", **more}


def warned(job: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(one["line"], one["column"], one["code"]) for one in job["warnings"]]


def failed(job: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(one["line"], one["column"], one["code"]) for one in job["errors"]]


def options_of(handle: str) -> dict[str, dict[str, str]]:
    return dict(Variant.objects.filter(product__handle=handle).values_list("sku", "options"))


# --- Lines and cells --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "Handle,Title\rlamp,Lamp\rdesk,Desk\r",
        "Handle,Title\rlamp,Lamp\rdesk,Desk\r\n",
        'Handle,Title\rlamp,"La\rmp"\rdesk,"De\nsk"',
        "\ufeffHandle,Title\rlamp,Lamp\r\rdesk,Desk",
        "Handle,Title\r\r\nlamp,Lamp\r\r\ndesk,Desk\r\r\n",
        "sep=,\rHandle,Title\rlamp,Lamp\rdesk,Desk\r",
    ],
)
def test_line_ends_of_old_macs(api: JSONClient, content: str):
    job = imported(api, content)

    assert (counts(job), job["errors"], job["total"]) == ({"created": 2}, [], 2)
    assert set(Product.objects.values_list("handle", flat=True)) == {"lamp", "desk"}


@pytest.mark.parametrize("bad", ["de\rsk,Desk", "desk,De\rsk", "desk,Desk\r,", "\rdesk,Desk", 'desk,"De"\rsk'])
def test_a_bare_carriage_return_breaks_its_line_only(api: JSONClient, bad: str):
    job = imported(api, f"Handle,Title\nlamp,Lamp\n{bad}\nchair,Chair\nsofa,Sofa\n")

    assert counts(job) == {"created": 3, "failed": 1}
    assert failed(job) == [(3, "", "malformed_line")]
    assert ImportJob.objects.get().claims == 1


def test_the_bad_line_can_be_corrected_and_imported(api: JSONClient):
    job = imported(api, "Handle,Title\nlamp,Lamp\ndesk,De\rsk\nchair,Chair\n")

    bad = b"".join(api.get(f"/api/v1/products/imports/{job['id']}/errors/").streaming_content)

    assert [(row["Handle"], row["Title"], row["Import Line"]) for row in parsed(bad)] == [("desk", "De sk", "3")]
    assert counts(imported(api, bad)) == {"created": 1}


@pytest.mark.parametrize("first", ["sep=,", "SEP=,", '"sep=,"', "sep=,,,"])
def test_the_line_that_sets_the_separator_for_excel(api: JSONClient, first: str):
    job = imported(api, f"{first}\r\nHandle,Title\r\nlamp,Lamp\r\ndesk,x,y\r\n")

    assert (counts(job), failed(job)) == ({"created": 1, "failed": 1}, [(4, "", "wrong_number_of_cells")])


def test_another_separator_set_in_that_line(api: JSONClient):
    job = imported(api, 'sep=;\nHandle;Title;Tags\nlamp;"La;mp";a, b\n')

    assert counts(job) == {"created": 1}
    assert list(Product.objects.values_list("name", "tags")) == [("La;mp", ["a", "b"])]


@pytest.mark.parametrize("name", ["products.xlsx", "products.csv", "products.jsonl"])
@pytest.mark.parametrize("content", [b"PK\x03\x04\x14\x00\x06\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_a_workbook_is_refused_as_a_workbook(api: JSONClient, name: str, content: bytes):
    job = imported(api, content + b"x" * 100, name)

    assert (job["status"], job["error"]) == (
        "failed",
        "The file is a workbook (XLSX, XLS or ODS); save its sheet as CSV UTF-8.",
    )


@pytest.mark.parametrize("bad", ["desk,Desk,5,x", "desk,Desk,5, ,x", '"desk","Desk","5","","x"'])
def test_a_surplus_cell_with_content_is_a_problem(api: JSONClient, bad: str):
    job = imported(api, f"Handle,Title,Variant Price\nlamp,Lamp,5, ,\n \t,,\n,\n\u00a0,,\nchair\n{bad}\n")

    assert (counts(job), failed(job)[-1]) == ({"created": 1, "failed": 2}, (7, "", "wrong_number_of_cells"))
    assert job["total"] == 3


def test_a_short_line_may_have_line_breaks(api: JSONClient):
    job = imported(api, 'Handle,Title,Body (HTML),Variant Price,Tags\nlamp,Lamp,"a\nb, c\nd"\ndesk,Desk,,5\n')

    assert counts(job) == {"created": 2}
    assert Product.objects.get(handle="lamp").description == "a\nb, c\nd"


def test_an_unexpected_error_does_not_cost_an_attempt(api: JSONClient):
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'unforeseen' USING ERRCODE = 'data_exception'; END $$;
            CREATE TRIGGER unforeseen BEFORE INSERT ON products_product
                FOR EACH ROW WHEN (NEW.name = 'Cursed') EXECUTE FUNCTION pg_temp.refuse();
        """)

    job = imported(api, table(line(), line("desk", Title="Cursed"), line("chair")))

    assert (job["status"], counts(job)) == ("finished", {"created": 2, "failed": 1})
    assert failed(job) == [(3, "", "not_importable")]
    assert ImportJob.objects.get().claims == 1


# --- Columns ----------------------------------------------------------------------------------------------------------


def test_names_of_all_times_may_be_mixed_in_any_case(api: JSONClient):
    make_location()
    content = (
        "URL HANDLE, title ,body (html),Brands,STANDARDIZED PRODUCT TYPE,custom product type,option1 name,"
        "Option1 value,Sku,Variant Grams,inventory quantity,Variant price,COMPARE-AT PRICE,Barcode,product image url,"
        "status\n"
        "lamp,Lamp,<p>x</p>,Alder,Home>Lamps,Lamp,Size,S,L-S,1.5,3,5,6,4006381333931,https://a.example/a.png,Active\n"
    )

    job = imported(api, content)

    assert (counts(job), job["warnings"]) == ({"created": 1}, [])
    product, variant = Product.objects.select_related("category").get(), Variant.objects.get()
    assert (product.brand, product.description, product.status) == ("Alder", "<p>x</p>", "active")
    assert (product.category and product.category.name, product.attributes) == ("Lamps", {"product_type": "Lamp"})
    assert (variant.sku, variant.weight_grams, variant.price, variant.compare_at_price, variant.barcode) == (
        "L-S", 2, Decimal(5), Decimal(6), "4006381333931",
    )  # fmt: skip


def test_a_problem_names_the_column_as_the_file_does(api: JSONClient):
    job = imported(api, "URL handle,Title,price,COST PER ITEM\nlamp,Lamp,x,y\n")

    assert {(column, code) for _, column, code in failed(job)} == {
        ("price", "invalid_amount"), ("COST PER ITEM", "invalid_amount"),
    }  # fmt: skip


def test_a_cost_is_not_shown_whatever_its_column_is_called(api: JSONClient, client_with):
    job = imported(api, "URL handle,Title,COST PER ITEM\nlamp,Lamp,7.77x\n")
    reader = client_with(["products:read"], tier="internal")

    shown = reader.get(f"/api/v1/products/imports/{job['id']}/").json()

    assert [one["detail"] for one in shown["errors"]] == ["The cost is not valid."]


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ({"Variant SKU": "B", "Variant Price": "3"}, {"Size": "M", "Colour": "Red"}),
        ({"Variant SKU": "B", "Variant Price": "3", "Option1 Value": "XL"}, {"Size": "XL", "Colour": "Red"}),
        (
            {"Variant SKU": "B", "Variant Price": "3", "Option1 Name": "Size", "Option1 Value": "M"},
            {"Size": "M", "Colour": "Red"},
        ),
    ],
)
def test_options_without_a_column_stay(api: JSONClient, columns: dict[str, str], options: dict[str, str]):
    make_product(
        "A", handle="lamp",
        variants=[
            {"sku": "A", "options": {"Size": "S", "Colour": "Red"}, "price": "1"},
            {"sku": "B", "options": {"Size": "M", "Colour": "Red"}, "price": "2"},
        ],
    )  # fmt: skip

    job = imported(api, table({"Handle": "lamp", **columns}))

    assert counts(job) == {"updated": 1}
    assert options_of("lamp") == {"A": {"Size": "S", "Colour": "Red"}, "B": options}
    assert Variant.objects.get(sku="B").price == Decimal(3)


# --- Codes ------------------------------------------------------------------------------------------------------------


def test_an_apostrophe_before_digits_is_taken_off_codes_and_not_off_names(api: JSONClient):
    job = imported(api, table(line(**{"Title": "'68 Lamp", "Variant SKU": "'0012", "Variant Barcode": '="0042"'})))

    assert (counts(job), job["warnings"]) == ({"created": 1}, [])
    assert list(Variant.objects.values_list("sku", "barcode", "product__name")) == [("0012", "0042", "'68 Lamp")]


@pytest.mark.parametrize("code", ["3.65275E+11", "3,65275e+11", "4E+12"])
def test_a_number_that_excel_has_rounded_is_named(api: JSONClient, code: str):
    job = imported(api, table(line(**{"Variant Barcode": code}), line("desk", **{"Variant SKU": code})))

    assert counts(job) == {"created": 2}
    assert [one["code"] for one in job["warnings"]] == ["rounded_by_excel", "rounded_by_excel"]
    assert all("Excel" in one["detail"] for one in job["warnings"])


def test_a_wrong_check_digit_is_a_warning_in_json_lines_and_an_error_of_the_api(api: JSONClient):
    job = imported(
        api, '{"name": "Lamp", "handle": "A Lamp", "variants": [{"sku": "A", "barcode": "365275101829"}]}', "a.jsonl"
    )
    refused = api.post("/api/v1/products/", {"name": "B", "variants": [{"sku": "B", "barcode": "365275101829"}]})

    assert counts(job) == {"created": 1}
    assert warned(job) == [(1, "handle", "handle_changed"), (1, "variants/0", "invalid_barcode")]
    assert refused.status_code == 422


def test_a_repeated_sku_leaves_its_product_in(api: JSONClient):
    rows = [
        line("lamp", **SIZES, **{"Variant SKU": "X"}),
        {"Handle": "lamp", "Option1 Value": "M", "Variant SKU": "x", "Variant Price": "2"},
        line("desk", **{"Variant SKU": "X"}),
        line("chair", **{"Variant SKU": "taken"}),
    ]
    make_product("taken", handle="other")

    first, second = imported(api, table(*rows)), imported(api, table(*rows))

    assert (counts(first), counts(second)) == ({"created": 2, "failed": 1}, {"unchanged": 2, "failed": 1})
    assert warned(first) == warned(second) == [
        (3, "Variant SKU", "sku_repeated"), (4, "Variant SKU", "sku_repeated"),
    ]  # fmt: skip
    assert failed(first) == [(5, "Variant SKU", "sku_taken")]
    assert options_of("lamp") == {"X": {"Size": "S"}, "lamp-m": {"Size": "M"}}
    assert options_of("desk") == {"desk": {}}


# --- Values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("TRUE", "yes", "1", "t", "Y", "WAHR", "ja", "VRAI", "oui", "VERDADERO", "sí", "si\u0301"), "active"),
        (("FALSE", "no", "0", "f", "N", "FALSCH", "nein", "FAUX", "non", "FALSO"), "draft"),
    ],
)
def test_published_in_the_words_of_excel(api: JSONClient, words: tuple[str, ...], status: str):
    job = imported(api, table(*(line(f"lamp-{number}", Published=word) for number, word in enumerate(words))))

    assert counts(job) == {"created": len(words)}
    assert set(Product.objects.values_list("status", flat=True)) == {status}


@pytest.mark.parametrize(
    ("cell", "grams"),
    [("226.79618500000003", 227), ("0.5", 1), (".4", 0), ("7.", 7), ("1,5", 2), ("0,125", 0), ("1250,25", 1250)],
)
def test_weights_are_rounded(api: JSONClient, cell: str, grams: int):
    job = imported(api, table(line(**{"Variant Grams": cell})))

    assert (counts(job), Variant.objects.get().weight_grams) == ({"created": 1}, grams)


@pytest.mark.parametrize("cell", ["1,234", "1.234,5", "1,5,0", "-1", "5 g", "٥", "1e3", "."])
def test_what_may_be_another_weight_is_refused(api: JSONClient, cell: str):
    job = imported(api, table(line(**{"Variant Grams": cell})))

    assert failed(job) == [(2, "Variant Grams", "invalid_number")]


@pytest.mark.parametrize("name", ["\ufeffHandle", "\u200bHANDLE\u00a0", "URL\u00a0handle"])
def test_what_is_not_seen_makes_no_other_column(api: JSONClient, name: str):
    assert counts(imported(api, f"\ufeff{name},Title\nlamp,Lamp\n")) == {"created": 1}


def test_paths_of_categories_with_and_without_spaces(api: JSONClient):
    paths = ("Home>Towels", "Home > Towels", "Home >Towels", "Uncategorized", "uncategorised")

    imported(
        api,
        table(*(line(f"lamp-{number}", Type="", **{"Product Category": path}) for number, path in enumerate(paths))),
    )

    found = list(Product.objects.order_by("handle").values_list("category__slug", flat=True))
    assert found == ["towels", "towels", "towels", None, None]


def test_a_category_named_uncategorized_is_used(api: JSONClient):
    create_category(name="Uncategorized", slug="uncategorized")
    make_product("A", category="uncategorized", handle="a")

    job = imported(api, exported(api))

    assert counts(job) == {"unchanged": 1}


def test_the_bad_rows_are_guarded_and_import_back(api: JSONClient):
    cells = ("=1+1", "+1", "-1", "@x", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "'=1", "'x")
    job = imported(
        api, table(*(line(f"lamp-{n}", Title=cell, **{"Variant Price": "x"}) for n, cell in enumerate(cells)))
    )

    bad = b"".join(api.get(f"/api/v1/products/imports/{job['id']}/errors/").streaming_content).decode()
    titles = [row["Title"] for row in parsed(bad.encode())]

    assert titles == ["'=1+1", "'+1", "'-1", "'@x", "'\uff1d1", "'\uff0b1", "'\uff0d1", "'\uff201", "'=1", "'x"]
    imported(api, bad.replace(",x,", ",1,"))
    names = Product.objects.order_by("handle").values_list("name", flat=True)
    assert list(names) == ["=1+1", "+1", "-1", "@x", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "=1", "'x"]


def test_the_bad_rows_of_json_lines_are_guarded(api: JSONClient):
    job = imported(api, "=cmd()\n\uff1dcmd()\n", "a.jsonl")

    bad = b"".join(api.get(f"/api/v1/products/imports/{job['id']}/errors/").streaming_content)

    assert [row["Line"] for row in parsed(bad)] == ["'=cmd()", "'\uff1dcmd()"]


def test_the_lines_of_a_product_have_a_limit_of_bytes(api: JSONClient, monkeypatch):
    assert limits.MAX_PRODUCT_BYTES == 8 * 1024 * 1024
    monkeypatch.setattr(limits, "MAX_PRODUCT_BYTES", 1_000)
    images = ({"Handle": "lamp", "Image Src": f"https://a.example/{'x' * 100}/{n}"} for n in range(20))

    job = imported(api, table(line(), *images, line("desk")))

    assert (counts(job), failed(job)) == ({"created": 1, "failed": 1}, [(2, "Handle", "too_many_lines")])
