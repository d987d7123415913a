"""A preview says what an import would do, and writes nothing."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import StockLevel, StockMovement
from pms_backend.events.models import Event
from pms_backend.events.wakeups import WakeUp
from pms_integration.files import limits
from pms_integration.files.runner import run_imports
from pms_integration.models import ImportJob, ImportProblem, ImportResult, PreviewedName
from products.models import Category, Product, ProductImage, Variant
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.pms_integration.files.importing import (
    APPAREL,
    changes,
    counts,
    exported,
    findings,
    imported,
    post,
    previewed,
    table,
)
from tests.pms_integration.files.test_round_trip import state

pytestmark = pytest.mark.django_db

SHOPS = Path(__file__).parent / "shops"
SAMPLES = [
    *(SHOPS / name for name in ("woocommerce.csv", "shopify-2025.csv")),
    *(pytest.param(file, marks=pytest.mark.slow) for file in (SHOPS / "shopify-2020.csv", APPAREL) if file.exists()),
]


def line(handle: str, **more: Any) -> dict[str, Any]:
    return {"Handle": handle, "Title": handle.title(), "Variant Price": "10.00", **more}


FOUR = table(
    line("lamp", **{"Variant SKU": "LAMP", "Variant Price": "12.50", "Variant Inventory Qty": "7"}),
    line("desk", **{"Variant SKU": "DESK", "Product Category": "Home > Desks", "Image Src": "https://a.example/1.png"}),
    line("chair", **{"Variant SKU": "CHAIR"}),
    line("sofa", **{"Variant Price": "cheap"}),
)


@pytest.fixture
def catalogue() -> None:
    """What `FOUR` changes and leaves alone."""
    make_location()
    for handle in ("lamp", "chair"):
        make_product(handle.upper(), handle=handle, name=handle.title())
    set_stock("LAMP", "main", 3)


@pytest.mark.usefixtures("catalogue")
def test_it_says_what_becomes_of_each_product(api: JSONClient):
    job = previewed(api, FOUR)

    assert (job["dry_run"], job["status"], job["processed"], job["total"]) == (True, "finished", 4, 4)
    assert counts(job) == {"created": 1, "updated": 1, "unchanged": 1, "failed": 1}
    assert [(one["line"], one["code"]) for one in job["errors"]] == [(5, "invalid_amount")]
    lamp, desk, chair, sofa = changes(api, job)
    products = dict(Product.objects.values_list("handle", "pk"))
    assert lamp == {
        "line": 2, "action": "update", "product": products["lamp"], "handle": "lamp", "sku": "LAMP",
        "changes": [
            {"field": "variants[LAMP].price", "from": "10.00", "to": "12.50"},
            {"field": "variants[LAMP].on_hand", "from": 3, "to": 7},
        ],
        "change_count": 2,
    }  # fmt: skip
    assert desk == {
        "line": 3, "action": "create", "product": None, "handle": "desk", "sku": "DESK",
        "changes": [
            {"field": "name", "from": None, "to": "Desk"},
            {"field": "status", "from": None, "to": "draft"},
            {"field": "category", "from": None, "to": "desks"},
            {"field": "variants[DESK].price", "from": None, "to": "10.00"},
        ],
        "change_count": 4,
    }  # fmt: skip
    assert (chair["action"], chair["product"], chair["changes"]) == ("none", products["chair"], [])
    assert (sofa["action"], sofa["product"], sofa["handle"], sofa["changes"]) == ("refuse", None, "sofa", [])


@pytest.mark.usefixtures("catalogue")
def test_it_writes_no_product_no_stock_no_picture_no_category_and_no_event_of_them(api: JSONClient):
    before, movements = state(), StockMovement.objects.count()
    last = Event.objects.latest("id").pk

    job = previewed(api, FOUR)

    assert state() == before
    assert StockMovement.objects.count() == movements
    assert not ProductImage.objects.exists()
    assert not Category.objects.exists()
    [event] = Event.objects.filter(pk__gt=last)
    assert (event.type, event.data["dry_run"], event.data["id"]) == ("import.finished", True, job["id"])
    assert not PreviewedName.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_it_wakes_nobody_but_the_relay_of_its_own_event(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    make_location()
    post(api, FOUR, dry_run="true")
    sent: list[tuple[str, set[str]]] = []
    monkeypatch.setattr(WakeUp, "send", lambda self, replacing=(): sent.append((self.task, set(replacing))))

    run_imports()

    assert ImportJob.objects.get().created == 3
    assert sent == [("pms_backend.events.tasks.relay_events", set())]


@pytest.mark.usefixtures("catalogue")
def test_the_import_right_after_it_says_the_same(api: JSONClient):
    preview = previewed(api, FOUR)
    job = imported(api, FOUR)

    assert (job["dry_run"], job["preview"]) == (False, None)
    assert findings(job) == findings(preview)
    says, did = ([{**one, "product": None} for one in changes(api, each)] for each in (preview, job))
    assert says == did
    assert {one["handle"]: one["product"] for one in changes(api, job)} == {
        **dict(Product.objects.values_list("handle", "pk")), "sofa": None,
    }  # fmt: skip


@pytest.mark.parametrize("file", SAMPLES, ids=lambda path: path.stem)
def test_of_real_files_it_says_what_the_import_does(api: JSONClient, file: Path):
    make_location()
    content = file.read_bytes()

    for _ in range(2):
        before = state()
        preview = previewed(api, content)
        assert state() == before
        job = imported(api, content)

        assert findings(job) == findings(preview)
        says, did = ([{**one, "product": None} for one in changes(api, each)] for each in (preview, job))
        assert says == did


def test_of_json_lines_too(api: JSONClient):
    make_location()
    make_product("A", handle="lamp", cost="3.00")
    set_stock("A", "main", 2)
    content = exported(api, "jsonl", location="main").replace(b'"10.00"', b'"11.00"').replace(b'"3.00"', b'"4.00"')

    preview = previewed(api, content, "a.jsonl")

    assert counts(preview) == {"updated": 1}
    assert [one["field"] for one in changes(api, preview)[0]["changes"]] == ["variants[A].price", "variants[A].cost"]
    assert findings(imported(api, content, "a.jsonl")) == findings(preview)


def test_a_product_that_cannot_be_written_is_refused_alone(api: JSONClient):
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'unforeseen' USING ERRCODE = 'data_exception'; END $$;
            CREATE TRIGGER unforeseen BEFORE INSERT ON products_product
                FOR EACH ROW WHEN (NEW.name = 'Cursed') EXECUTE FUNCTION pg_temp.refuse();
        """)
    content = table(line("lamp"), line("desk", Title="Cursed"), line("chair"))

    preview = previewed(api, content)

    assert (counts(preview), preview["errors"][0]["code"]) == ({"created": 2, "failed": 1}, "not_importable")
    assert not Product.objects.exists()
    assert findings(imported(api, content)) == findings(preview)


def test_too_many_errors_end_it_as_they_end_an_import(api: JSONClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pms_integration.files.services.results.MAX_ERRORS", 1)
    content = table(*(line(f"lamp-{number}", **{"Variant Price": "x"}) for number in range(3)))

    preview = previewed(api, content)

    assert preview["status"] == "failed"
    assert findings(imported(api, content)) == findings(preview)


def test_so_many_results_are_stored_of_each_action_and_the_counts_are_exact(
    api: JSONClient, monkeypatch: pytest.MonkeyPatch
):
    assert limits.MAX_RESULTS == 5_000
    for module in ("results", "writing"):
        monkeypatch.setattr(f"pms_integration.files.services.{module}.MAX_RESULTS", 2)
    content = table(*(line(f"lamp-{number}") for number in range(5)), line("desk", **{"Variant Price": "x"}))

    for job in (previewed(api, content), imported(api, content)):
        assert counts(job) == {"created": 5, "failed": 1}
        assert [one["handle"] for one in changes(api, job)] == ["lamp-0", "lamp-1", "desk"]
        assert [one["change_count"] for one in changes(api, job)] == [3, 3, 0]


def test_long_values_are_shortened_and_so_many_changes_of_a_product_are_stored(
    api: JSONClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pms_integration.files.services.results.MAX_CHANGES", 1)
    make_product("LAMP", handle="lamp")

    job = previewed(api, table(line("lamp", **{"Body (HTML)": "x" * 2_000, "Variant SKU": "LAMP"})))

    [result] = changes(api, job)
    assert result["change_count"] == 1
    assert result["changes"] == [{"field": "description", "from": "", "to": "x" * limits.MAX_SHOWN_VALUE + "…"}]


def test_a_part_of_any_size_needs_the_same_number_of_statements(api: JSONClient):
    make_location()
    counted = []
    for count in (5, 200):
        rows = (line(f"lamp-{count}-{n}", **{"Variant Inventory Qty": "3"}) for n in range(count))
        post(api, table(*rows), dry_run="true")
        with CaptureQueriesContext(connection) as queries:
            run_imports()
        counted.append(len(queries))

    assert counted[0] == counted[1] < 75
    assert not Variant.objects.exists()
    assert not StockLevel.objects.exists()
    assert ImportResult.objects.count() == 205
    assert not ImportProblem.objects.exists()
