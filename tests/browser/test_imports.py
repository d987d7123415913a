"""A member of staff imports a file and watches it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from pms_integration.files.runner import run_imports
from products.models import Product
from tests.browser.pages import errors_of, page_of
from tests.browser.test_content_security import log_in
from tests.factories import make_location
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def in_another_thread(work: Callable[[], object]) -> None:
    """Runs in another thread: Playwright's event loop runs in this one, where Django allows no queries."""

    def run() -> None:
        work()
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


def test_the_progress_bar_moves_by_itself(live_server: LiveServer, chromium: str, tmp_path: Path):
    User.objects.create_superuser("anna", password=PASSWORD)
    make_location()
    file = tmp_path / "lamps.csv"
    file.write_text(
        "Handle,Title,Variant Price,Variant Inventory Qty,Colour\nlamp,Lamp,5,3,red\ndesk,Desk,cheap,1,red\n"
    )
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.get_by_role("link", name="Imports").first.click()
        page.get_by_role("link", name="Import a file…").click()
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_text("Pending…")).to_be_visible()

        in_another_thread(run_imports)

        expect(page.get_by_text("Finished", exact=True).first).to_be_visible()
        expect(page.get_by_text("cheap is no amount")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the bad rows").click()
        assert "desk,Desk,cheap,1,red,3,Variant Price,invalid_amount" in Path(download.value.path()).read_text()
        assert errors == []

    assert Product.objects.get().handle == "lamp"
