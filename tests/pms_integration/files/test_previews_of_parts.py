"""A file is previewed part by part, and each part as if the parts before it had been imported."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pms_integration.files import services
from pms_integration.files.limits import CHUNK_BYTES, MAX_EARLIER_PRODUCTS, MAX_PREVIEWS_AGAIN
from pms_integration.files.reading import ImportFile, chunks_of
from pms_integration.files.records import FilePosition
from pms_integration.files.runner import run_imports
from pms_integration.files.services import previews
from pms_integration.models import ImportJob, PreviewedName
from products.models import Category
from products.services import create_category
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.pms_integration.files.importing import changes, counts, findings, imported, post, previewed, table
from tests.pms_integration.files.test_round_trip import state

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each product is a part of its own."""
    monkeypatch.setattr("pms_integration.files.reading.CHUNK_PRODUCTS", 1)
    make_location()


def line(handle: str, **more: Any) -> dict[str, Any]:
    return {"Handle": handle, "Title": "Lamp", "Variant Price": "10.00", **more}


def compared(client: JSONClient, content: str, name: str = "products.csv") -> dict[str, Any]:
    """The import, which must say what its preview has said."""
    before = state()
    preview = previewed(client, content, name)
    assert state() == before
    job = imported(client, content, name)
    assert findings(job) == findings(preview)
    says, did = ([{**one, "product": None} for one in changes(client, each)] for each in (preview, job))
    assert says == did
    return job


def test_a_product_that_comes_again_is_changed_or_left_alone(api: JSONClient):
    quantity = {"Variant Inventory Qty": "3"}
    again = [line("new", **quantity), line("new", **quantity), line("new", Title="Desk", **quantity)]
    rows = [row for number, one in enumerate(again) for row in (one, line(f"other-{number}"))]

    job = compared(api, table(*rows))

    assert counts(job) == {"created": 4, "updated": 1, "unchanged": 1}
    assert changes(api, job, action="update")[0]["changes"] == [{"field": "name", "from": "Lamp", "to": "Desk"}]


def test_a_sku_of_an_earlier_product_is_taken(api: JSONClient):
    rows = [line("new", **{"Variant SKU": "A"}), line("new-2"), line("new-3", **{"Variant SKU": "a"})]

    job = compared(api, table(*rows))

    assert counts(job) == {"created": 3}
    assert [(one["line"], one["code"]) for one in job["warnings"]] == [(4, "sku_repeated")]
    assert changes(api, job)[2]["sku"] == "new-3"


def test_a_sku_that_was_made_for_an_earlier_product_is_taken(api: JSONClient):
    made = compared(api, table(line("new-x"), line("new"), line("new-y", **{"Variant SKU": "NEW"})))
    sizes = {"Option1 Name": "Size", "Option1 Value": "S"}
    rows = [line("lamp-s"), line("lamp", **sizes), {"Handle": "lamp", "Option1 Value": "M", "Variant Price": "1"}]

    counted = compared(api, table(*rows))

    assert [(one["line"], one["code"]) for one in made["errors"]] == [(4, "sku_taken")]
    assert [one["sku"] for one in changes(api, counted)] == ["lamp-s", "lamp-s-2"]


def test_a_handle_that_was_made_for_an_earlier_product_is_taken(api: JSONClient):
    lines = ({"name": "New", "variants": [{"sku": sku, "price": "5"}]} for sku in ("A", "B", "A"))
    content = "\n".join(map(json.dumps, lines))

    preview, job = previewed(api, content, "a.jsonl"), imported(api, content, "a.jsonl")

    assert counts(preview) == counts(job) == {"created": 2, "unchanged": 1}
    # What makes a handle different from another's is random.
    for one in (preview, job):
        first, second, _ = changes(api, one)
        assert (first["handle"], second["handle"][:4]) == ("new", "new-")


@pytest.mark.slow
def test_products_that_share_names_by_way_of_others_are_seen(api: JSONClient):
    rename = {"Handle": "old", "Title": "Lamp", "Variant Price": "10.00", "Variant SKU": "B"}
    make_product("A", handle="old")
    rows = [rename, line("new", **{"Variant SKU": "A"}), line("new-2", **{"Variant SKU": "B"}), line("old")]

    compared(api, table(*rows))


def test_a_category_that_an_earlier_product_would_make_is_found(api: JSONClient):
    create_category(name="Tools", slug="t")
    paths = ("Home > Desks", "Work > Desks", "Home > Desks", "work-desks", "Tools", "Work > Tools", "tools")

    job = compared(api, table(*(line(f"new-{n}", **{"Product Category": path}) for n, path in enumerate(paths))))

    slugs = [one["to"] for result in changes(api, job) for one in result["changes"] if one["field"] == "category"]
    assert slugs == ["desks", "work-desks", "desks", "work-desks", "t", "tools", "tools"]
    assert Category.objects.count() == 6


def test_an_earlier_product_of_woocommerce_is_read_again(api: JSONClient):
    def woo(sku: str, name: str) -> dict[str, str]:
        return {"Type": "simple", "SKU": sku, "Name": name, "Regular price": "10"}

    job = compared(api, table(woo("A", "New one"), woo("B", "Other"), woo("a", "New name"), woo("C", "Last")))

    assert counts(job) == {"created": 3, "updated": 1}


def test_stock_that_an_earlier_product_would_count_is_compared(api: JSONClient):
    make_product("A", handle="lamp")
    set_stock("A", "main", 1)
    counted = [line("lamp", **{"Variant SKU": "A", "Variant Inventory Qty": number}) for number in ("5", "5", "1")]
    rows = [row for number, one in enumerate(counted) for row in (one, line(f"other-{number}"))]

    job = compared(api, table(*rows))

    assert counts(job) == {"created": 3, "updated": 2, "unchanged": 1}
    assert [one["changes"][0] for one in changes(api, job, action="update")] == [
        {"field": "variants[A].on_hand", "from": 1, "to": 5}, {"field": "variants[A].on_hand", "from": 5, "to": 1},
    ]  # fmt: skip


@pytest.mark.slow
def test_a_time_slice_that_ends_between_parts_changes_nothing(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    content = table(line("new"), line("other", **{"Product Category": "A > B"}), line("new", Title="Desk"))
    monkeypatch.setattr("pms_integration.files.runner.SLICE_SECONDS", 0.0001)

    job = compared(api, content)

    assert counts(job) == {"created": 2, "updated": 1}
    assert min(ImportJob.objects.values_list("claims", flat=True)) > 1


def test_products_without_a_name_in_common_are_not_written_again(api: JSONClient):
    def statements(*rows: dict[str, Any]) -> int:
        post(api, table(*rows), dry_run="true")
        with CaptureQueriesContext(connection) as queries:
            run_imports()
        return len(queries)

    two, three, four = (statements(*map(line, "abcd"[:count])) for count in (2, 3, 4))

    assert four - three == three - two
    assert MAX_EARLIER_PRODUCTS == 500
    assert not PreviewedName.objects.exists()


def test_a_part_is_previewed_again_a_few_times_at_most(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    tries: list[int] = []
    try_it = previews._try

    def counted(job: Any, earlier: Any, chunks: Any, source: Any) -> Any:
        tries.append(chunks[0][0].line)
        return try_it(job, earlier, chunks, source)

    monkeypatch.setattr(previews, "_try", counted)
    # The SKUs that are made of these handles are cut, so that each product has the name of the one before it.
    previewed(api, table(*(line(f"{'a' * 250}-{number}") for number in range(6))))

    assert [tries.count(number) for number in range(2, 8)] == [1, 2, 3, 4, 4, 4]
    assert MAX_PREVIEWS_AGAIN == 3


def test_earlier_products_are_read_again_up_to_a_number_of_bytes(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    read: list[int] = []
    product_at = ImportFile.product_at
    monkeypatch.setattr(ImportFile, "product_at", lambda *args: (read.append(args[1].line), product_at(*args))[1])
    one, other = line("one", **{"Variant SKU": "A"}), line("other", **{"Variant SKU": "B"})
    sizes = [{"Option1 Name": "Size", "Option1 Value": size, "Variant SKU": sku} for size, sku in ("SA", "MB")]
    content = table(one, other, line("both", **sizes[0]), {"Handle": "both", **sizes[1]})

    for limit in (1, CHUNK_BYTES):
        monkeypatch.setattr(previews, "CHUNK_BYTES", limit)
        previewed(api, content)

    assert read == [2, 2, 3]


def test_planned_categories_are_few_and_are_kept_until_the_end(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pms_integration.files.categories.MAX_PLANNED_CATEGORIES", 2)
    monkeypatch.setattr("pms_integration.files.runner.SLICE_SECONDS", 0.0001)
    post(api, table(*(line(f"new-{n}", **{"Product Category": f"Desks {n}"}) for n in range(4))), dry_run="true")
    planned = []

    while not (job := ImportJob.objects.get()).is_over:
        planned.append(job.planned_categories)
        run_imports()

    first, second = {"Desks 0": "desks-0"}, {"Desks 1": "desks-1"}
    assert planned == [{}, first, *[first | second] * (len(planned) - 2)]
    assert job.planned_categories == {}
    assert job.created == 4


def test_chunks_that_are_previewed_together_lock_all_their_rows_first(api: JSONClient, private_files: Path):
    first, second = make_product("A", handle="a"), make_product("B", handle="b")
    for sku in "AB":
        set_stock(sku, "main", 1)
    post(api, table(*(line(name, **{"Variant Inventory Qty": "5"}) for name in "ba")), dry_run="true")
    lease = services.lease_import()
    assert lease is not None

    with next(private_files.rglob("*.csv")).open("rb") as file, CaptureQueriesContext(connection) as queries:
        source = ImportFile(file, "csv")
        chunks = list(chunks_of(source.products(FilePosition(0, 1))))
        services.preview_chunks(lease=lease, chunks=chunks, source=source)

    locks = [one["sql"] for one in queries if "FOR NO KEY UPDATE" in one["sql"]]
    assert len(chunks) == 2
    tables = ("pms_integration_importjob", "products_product", "products_variant", "inventory_stocklevel")
    assert [next(name for name in tables if name in sql.partition("FROM")[2]) for sql in locks[:4]] == list(tables)
    assert f"IN ({first.pk}, {second.pk})" in locks[1]
    assert ImportJob.objects.get().updated == 2


def anything(seed: int) -> str:
    """A file in which few handles, SKUs, options, categories and quantities come again and again."""
    chance = random.Random(seed)
    names = ("new", "lamp", "new-s", "lamp-2")

    def row() -> dict[str, Any]:
        values = {
            "Handle": chance.choice(names),
            "Title": chance.choice(("Lamp", "Lamp", "Desk", "")),
            "Variant SKU": chance.choice(("", "", *names, "A")),
            "Option1 Name": "Size",
            "Option1 Value": chance.choice(("S", "M", "L")),
            "Variant Price": chance.choice(("1.00", "2.00", "x")),
            "Variant Inventory Qty": chance.choice(("", "1", "2", "-1")),
            "Product Category": chance.choice(("", "Home > Desks", "Work > Desks", "desks", "work-desks", "Home")),
            "Status": chance.choice(("", "active", "draft", "archived")),
            "Image Src": chance.choice(("", "https://a.example/1.png", "https://a.example/2.png", "no url")),
        }
        return values if chance.random() < 0.8 else {**values, "Option1 Name": "", "Option1 Value": ""}

    return table(*(row() for _ in range(12)))


@pytest.mark.parametrize(
    ("chunk", "seeds"),
    [
        (2, range(1)),
        *(pytest.param(chunk, range(1, 60), marks=pytest.mark.slow) for chunk in (1, 2, 5)),
    ],
    ids=str,
)
def test_of_any_file_it_says_what_the_import_does(
    api: JSONClient, monkeypatch: pytest.MonkeyPatch, chunk: int, seeds: range
):
    monkeypatch.setattr("pms_integration.files.reading.CHUNK_PRODUCTS", chunk)
    for seed in seeds:
        content = anything(seed)
        preview, job = previewed(api, content), imported(api, content)

        assert findings(job) == findings(preview), f"{seed}\n{content}"
        says, did = ([{**one, "product": None} for one in changes(api, each)] for each in (preview, job))
        assert says == did, f"{seed}\n{content}"
