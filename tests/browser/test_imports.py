"""A member of staff looks at what a file would do, imports it, and watches it."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from pms_integration.files.runner import run_imports
from pms_integration.models import ImportJob, ImportStatus
from products.models import Product
from tests.browser.pages import become, errors_of, page_of, session_of
from tests.factories import make_product

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def in_another_thread(work: Callable[[], object]) -> None:
    """Runs in another thread: Playwright's event loop runs in this one, where Django allows no queries."""

    def run() -> None:
        work()
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


def test_a_file_is_previewed_imported_and_refused_to_another_role(
    live_server: LiveServer, chromium: str, tmp_path: Path
):
    make_product("LAMP", handle="lamp", name="Lamp")
    anna, carl = session_of("anna", "Catalogue"), session_of("carl", "Counter")
    file = tmp_path / "lamps.csv"
    file.write_text(
        "Handle,Title,Variant SKU,Variant Price\nlamp,Lamp,LAMP,12\ndesk,Desk,DESK,5\nsofa,Sofa,SOFA,cheap\n"
    )
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, anna)
        page.goto(f"{live_server.url}/admin/pms_integration/importjob/")
        page.get_by_role("link", name="Import a file…").click()
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("button", name="Preview", exact=True).click()
        expect(page.get_by_text("Preview: Pending…")).to_be_visible()

        in_another_thread(run_imports)

        expect(page.get_by_text("Preview: Finished")).to_be_visible()
        for name, shown in (
            ("New 1", "DESK · Price: 5.00"),
            ("Changed 1", "LAMP · Price: 10.00 becomes 12.00"),
            ("Refused 1", "cheap is no amount"),
        ):
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("cell", name=shown)).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the bad rows").click()
        assert "sofa,Sofa,SOFA,cheap,4,Variant Price,invalid_amount" in Path(download.value.path()).read_text()

        page.get_by_role("button", name="Import now").click()
        expect(page.get_by_text("Import: Pending…")).to_be_visible()
        in_another_thread(run_imports)
        expect(page.get_by_role("link", name="New 1 (1)")).to_be_visible()
        page.get_by_role("link", name="desk", exact=True).click()
        expect(page.locator("[name='name']")).to_have_value("Desk")
        assert errors == []

        become(page, live_server.url, carl)
        answer = page.goto(f"{live_server.url}/admin/pms_integration/importjob/import/")
        assert answer is not None
        assert answer.status == 403

    assert set(Product.objects.values_list("handle", "variants__price")) == {("lamp", 12), ("desk", 5)}


@pytest.mark.slow
def test_the_progress_is_shown_while_the_focus_stays(live_server: LiveServer, chromium: str):
    anna = session_of("anna", "Catalogue")
    job = ImportJob.objects.create(
        file_name="lamps.csv", format="csv", size_bytes=1, status=ImportStatus.RUNNING, total=300
    )
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, anna)
        page.goto(f"{live_server.url}/admin/pms_integration/importjob/{job.pk}/change/")
        refused = page.get_by_role("link", name="Refused")
        refused.focus()

        in_another_thread(lambda: ImportJob.objects.update(processed=150, failed=7))

        expect(page.get_by_role("status").filter(has_text="150 of 300 lines · 50 %")).to_be_visible()
        expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
        expect(refused).to_have_text(re.compile(r"Refused\s*7"))
        expect(refused).to_be_focused()

        failed = {"status": ImportStatus.FAILED, "error": "The disk is full.", "finished_at": timezone.now()}
        in_another_thread(lambda: ImportJob.objects.update(**failed))
        expect(page.get_by_text("The disk is full.")).to_be_visible()
        assert errors == []
