"""A member of staff in a real browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from inventory.models import StockLevel, StockMovement
from tests.factories import make_location, make_product, set_stock
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# In a container there is neither a sandbox nor a graphics card; the rest keeps chromium from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def chromium() -> str:
    """Debian's chromium; without one there is nothing to test with."""
    found = shutil.which("chromium")
    if found is None:
        reason = "There is no chromium: the browser tests are left out (REQUIRE_BROWSER=1 makes this an error)."
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def page_of(chromium: str) -> Iterator[Page]:
    """A page. Within, the thread runs Playwright's event loop: the database is for before and after."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser.new_page(viewport={"width": 1440, "height": 900})
        browser.close()


def test_staff_log_in_adjust_a_level_and_see_the_new_figure(live_server: LiveServer, chromium: str):
    User.objects.create_superuser("anna", password=PASSWORD)
    make_product("A-1")
    set_stock("A-1", make_location(), 10)
    asked: list[str] = []

    with page_of(chromium) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{live_server.url}/admin/inventory/stocklevel/")
        page.get_by_label("Username").fill("anna")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="Adjust").click()
        page.get_by_label("Change").fill("-3")
        page.get_by_label("Reason").select_option("damage")
        page.get_by_role("button", name="Adjust stock").click()

        expect(page.get_by_text("A-1 at Main: 10 → 7 on hand (-3, damage).")).to_be_visible()
        expect(page.locator("td.field-on_hand")).to_have_text("7")

    assert (StockLevel.objects.get().on_hand, StockMovement.objects.latest("id").actor) == (7, "user:anna")
    assert [url for url in asked if not url.startswith((live_server.url, "data:"))] == []
