"""Imports in the admin: a file is previewed, looked at on tabs, and imported."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.html import parse_html
from django.urls import reverse
from pytest_django.asserts import assertNumQueries
from pytest_django.fixtures import Settings

from pms_integration.admin.import_results import MAX_SHOWN_CHARACTERS, ROWS_OF_A_PAGE
from pms_integration.files.runner import run_imports
from pms_integration.models import ImportJob, ImportStatus
from products.models import Product
from tests.factories import make_location, make_product, set_stock
from tests.pms_integration.files.importing import table
from tests.staff import staff_with

pytestmark = pytest.mark.django_db

LIST = "/admin/pms_integration/importjob/"
UPLOAD = f"{LIST}import/"
CATALOGUE = (
    *("products.view_product", "products.add_product", "products.change_product"),
    *("products.add_variant", "products.change_variant"),
    *("products.add_category", "products.change_category", "products.delete_category"),
    *("pms_integration.view_importjob", "pms_integration.add_importjob"),
)


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def line(handle: str, **more: Any) -> dict[str, Any]:
    return {"Handle": handle, "Title": "Lamp", "Variant Price": "10.00", "Variant SKU": handle, **more}


LINES = (line("lamp", **{"Variant Price": "1234.50"}), line("desk"), line("chair", **{"Variant Price": "cheap"}))
THREE = table(*LINES)
# What the button of a page sends.
SENT = {"csrfmiddlewaretoken": "x"}


def uploaded(client: Client, content: str, query: str = "") -> ImportJob:
    answer = client.post(f"{UPLOAD}{query}", {"file": SimpleUploadedFile("lamps.csv", content.encode())})
    job = ImportJob.objects.latest("id")
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}{job.pk}/change/")
    while run_imports():
        continue
    return job


def shown(client: Client, job: ImportJob, tab: str = "", **query: str) -> str:
    answer = client.get(f"{LIST}{job.pk}/change/", {"show": tab, **query})
    assert answer.status_code == 200
    return answer.content.decode()


def rows_of(client: Client, job: ImportJob, tab: str) -> list[Any]:
    return list(client.get(f"{LIST}{job.pk}/change/", {"show": tab}).context["results"].rows)


def test_a_file_is_previewed_and_then_imported():
    make_product("lamp", handle="lamp", name="Lamp")
    client = staff_with(*CATALOGUE)
    preview = uploaded(client, THREE)
    page = f"{LIST}{preview.pk}/import/"

    assert (preview.dry_run, Product.objects.count()) == (True, 1)
    assert f'action="{page}"' in shown(client, preview)
    answer = client.post(page, SENT)

    job = ImportJob.objects.latest("id")
    run_imports()
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}{job.pk}/change/")
    assert (job.dry_run, job.preview_id, Product.objects.count()) == (False, preview.pk, 2)
    assert f'action="{page}"' not in shown(client, preview)
    assert f'href="{LIST}{job.pk}/change/"' in shown(client, preview)
    desk = Product.objects.get(handle="desk").pk
    assert reverse("admin:products_product_change", args=[desk]) in shown(client, job, "new")
    assert '1 <span class="text-sm font-normal">(1)</span>' in shown(client, job)


def test_a_second_import_of_a_preview_is_refused_with_the_reason():
    client = staff_with(*CATALOGUE)
    preview = uploaded(client, THREE)
    client.post(f"{LIST}{preview.pk}/import/", SENT)

    answer = client.post(f"{LIST}{preview.pk}/import/", SENT)

    assert answer.status_code == 200
    assert "This preview was imported already" in answer.content.decode()
    assert ImportJob.objects.filter(dry_run=False).count() == 1


def test_without_a_preview_a_file_is_imported_at_once():
    client = staff_with(*CATALOGUE)
    assert '<a class="text-link underline" href="?direct=1">' in client.get(UPLOAD).content.decode()

    job = uploaded(client, THREE, "?direct=1")

    assert (job.dry_run, Product.objects.count()) == (False, 2)


def test_the_tabs_show_what_is_new_changed_left_alone_and_refused():
    make_product("lamp", handle="lamp", name="Lamp")
    make_product("sofa", handle="sofa", name="Lamp")
    client = staff_with(*CATALOGUE)
    job = uploaded(client, table(*LINES, line("sofa"), line("rug")))

    tabs = {tab.name: tab.count for tab, _ in client.get(f"{LIST}{job.pk}/change/").context["tabs"]}
    assert tabs == {"new": 2, "changed": 1, "refused": 1, "warnings": 0, "left-alone": 1}
    [changed] = rows_of(client, job, "changed")
    assert "lamp · Price: 10.00" in changed[3]
    assert '<span class="font-semibold text-important">1,234.50</span>' in changed[3]
    assert [row[1] for row in rows_of(client, job, "new")] == ["desk", "rug"]
    assert [(row[0], row[1]) for row in rows_of(client, job, "refused")] == [("4", "Variant Price")]
    assert "sofa" in rows_of(client, job, "left-alone")[0][1]
    assert rows_of(client, job, "warnings") == []
    # Without a choice the first tab with something to show is open.
    assert client.get(f"{LIST}{job.pk}/change/", {"show": "nothing"}).context["tab"].name == "new"


def test_long_values_are_cut_with_the_whole_in_their_title():
    make_product("lamp", handle="lamp", name="Lamp")
    client = staff_with(*CATALOGUE)

    job = uploaded(client, table(line("lamp", **{"Body (HTML)": "y" * 200})))

    cell = rows_of(client, job, "changed")[0][3]
    assert f'<span title="{"y" * 200}">{"y" * MAX_SHOWN_CHARACTERS}…</span>' in cell


def test_results_and_warnings_are_in_pages_and_none_is_cut():
    client = staff_with(*CATALOGUE)
    count = ROWS_OF_A_PAGE + 10
    barcode = {"Variant Barcode": "4006381333930"}
    job = uploaded(client, table(*(line(f"lamp-{number}", **barcode) for number in range(count))))

    for tab in ("new", "warnings"):
        assert len(rows_of(client, job, tab)) == ROWS_OF_A_PAGE
        last = client.get(f"{LIST}{job.pk}/change/", {"show": tab, "page": "2"})
        assert len(last.context["results"].rows) == 10
        assert f"51 to {count} of {count}" in last.content.decode()
    ImportJob.objects.filter(pk=job.pk).update(warning_count=20_000)
    assert f"The first {count} are listed." in shown(client, job, "warnings", page="x")


def test_costs_and_quantities_are_hidden_from_those_who_may_not_see_them():
    make_location()
    make_product("lamp", handle="lamp", name="Lamp", cost="3.00")
    set_stock("lamp", "main", 1)
    owner = staff_with(*CATALOGUE, "inventory.change_stocklevel", name="owner")
    job = uploaded(owner, table(line("lamp", **{"Cost per item": "4711.37", "Variant Inventory Qty": "90210"})))

    def seen(*permissions: str) -> list[bool]:
        client = staff_with("pms_integration.view_importjob", *permissions, name=str(permissions))
        text = shown(client, job, "changed")
        # The links to products are for those who may see these.
        return [part in text for part in ("4,711.37", "90,210", "/admin/products/product/")]

    assert seen() == [False, False, False]
    assert seen("products.view_product", "inventory.view_stocklevel") == [False, True, True]
    assert [part in shown(owner, job, "changed") for part in ("4,711.37", "90,210")] == [True, True]


def test_quantities_need_the_right_to_set_stock():
    make_location()
    client = staff_with(*CATALOGUE)
    content = table(line("lamp", **{"Variant Inventory Qty": "1"}))

    answer = client.post(UPLOAD, {"file": SimpleUploadedFile("lamps.csv", content.encode())})

    assert answer.status_code == 200
    assert "setting stock needs" in answer.content.decode()
    assert not ImportJob.objects.exists()


def test_what_is_refreshed_holds_nothing_that_may_have_the_focus():
    client = staff_with(*CATALOGUE)
    job = uploaded(client, THREE)
    ImportJob.objects.update(status=ImportStatus.RUNNING, finished_at=None)

    panel = re.search(r"<section id=\"live-panel\".*?</section>", shown(client, job), re.DOTALL)
    parts = list(live_parts(parse_html(panel[0])))

    assert [name for name, _ in parts] == ["lines", "bar", "new", "changed", "refused", "warnings", "left-alone"]
    assert [name for name, part in parts if re.search(r"<(a|button|input)\b", part)] == []
    assert "Download the bad rows" in panel[0]


def live_parts(element: Any) -> Iterator[tuple[str, str]]:
    """The parts of a page that its script refreshes."""
    for child in getattr(element, "children", ()):
        names = [value for name, value in getattr(child, "attributes", ()) if name == "data-live"]
        yield from ((name, str(child)) for name in names)
        yield from live_parts(child)


def test_those_who_may_only_look_are_offered_no_import():
    preview = uploaded(staff_with(*CATALOGUE, name="owner"), THREE)
    viewer = staff_with("pms_integration.view_importjob", name="viewer")

    page = shown(viewer, preview)

    assert [text in page for text in ("Import now", "Another file", "Download the bad rows")] == [False, False, False]
    assert viewer.post(f"{LIST}{preview.pk}/import/", SENT).status_code == 403
    assert ImportJob.objects.count() == 1


def test_the_page_costs_the_same_for_any_number_of_results():
    client = staff_with(*CATALOGUE)
    few = uploaded(client, table(line("a"), line("b")))
    many = uploaded(client, table(*(line(f"lamp-{number}") for number in range(30))))
    shown(client, few)

    for job in (few, many):
        with assertNumQueries(8):
            shown(client, job)


def test_the_list_says_how_to_begin_and_what_each_row_is():
    client = staff_with(*CATALOGUE)
    empty = client.get(LIST).content.decode()
    uploaded(client, THREE)

    page = client.get(LIST).content.decode()

    assert "Import a file of products" in empty
    assert [text in page for text in ("Preview", "lamps.csv", "Finished")] == [True, True, True]
