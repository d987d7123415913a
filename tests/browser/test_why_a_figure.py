"""A shift lead finds out why a level has the figure that it has, and prints a label that a scanner reads."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import zxingcpp
from django.contrib.auth.models import User
from PIL import Image
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from inventory.models import StockLevel
from pms_integration.models import PMSEvent
from tests.browser.pages import errors_of, page_of
from tests.browser.test_content_security import log_in
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import apply, figure
from tests.staff import PASSWORD, grant

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

OF_STOCK = ("inventory.view_stocklevel", "inventory.view_stockmovement")


@pytest.fixture
def told() -> PMSEvent:
    """Ten of A-1 at `main` were counted; then the PMS `demo`, which owns its stock, has told 40."""
    make_product("A-1", name="Desk lamp", barcode="4006381333931")
    main = make_location()
    set_stock("A-1", main, 10)
    return apply(make_connection(owns=main), "inventory.updated", figure(40, minute=1), webhook_id="msg-7")


@pytest.fixture
def staff() -> Callable[..., User]:
    """Makes the user anna with these permissions."""

    def make(*permissions: str) -> User:
        return grant(User.objects.create_user("anna", password=PASSWORD, is_staff=True), *permissions)

    return make


def open_level(page: Page, base: str) -> None:
    log_in(page, base)
    page.goto(f"{base}/admin/inventory/stocklevel/?q=A-1")
    page.get_by_role("link", name="A-1").first.click()
    expect(page.get_by_role("img", name="On hand after the last 2 movements: from 10 to 40, now 40.")).to_be_visible()


def test_from_the_figure_of_a_level_to_the_webhook_that_told_it(
    live_server: LiveServer, chromium: str, told: PMSEvent, staff: Callable[..., User]
):
    staff(*OF_STOCK, "pms_integration.view_pmsevent")
    with page_of(chromium) as page:
        errors = errors_of(page)
        open_level(page, live_server.url)
        page.get_by_role("link", name="All movements").click()
        expect(page.get_by_text("Only the movements of the level A-1 at Main")).to_be_visible()
        page.locator("#result_list, table").get_by_role("link").first.click()
        expect(page.get_by_text("The PMS of the connection demo")).to_be_visible()
        page.get_by_role("link", name="Figure of demo: 40 at").click()

        expect(page).to_have_url(f"{live_server.url}/admin/pms_integration/pmsevent/{told.pk}/change/")
        expect(page.get_by_text("msg-7").first).to_be_visible()
        assert errors == []


def test_who_may_not_see_pms_events_is_told_the_same_without_a_way_there(
    live_server: LiveServer, chromium: str, told: PMSEvent, staff: Callable[..., User]
):
    staff(*OF_STOCK)
    with page_of(chromium) as page:
        open_level(page, live_server.url)

        expect(page.get_by_text("Figure of demo: 40 at")).to_be_visible()
        expect(page.get_by_role("link", name="Figure of demo: 40 at")).to_have_count(0)
        answer: Any = page.goto(f"{live_server.url}/admin/pms_integration/pmsevent/source/?source=demo:msg-7:0")
        assert answer.status == 403


def test_a_label_is_read_by_a_scanner_as_it_is_drawn(
    live_server: LiveServer, chromium: str, told: PMSEvent, staff: Callable[..., User]
):
    staff(*OF_STOCK)
    level = StockLevel.objects.get().pk
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/inventory/stocklevel/{level}/labels/")
        page.get_by_label("Copies of each").fill("25")
        with page.expect_navigation():
            page.get_by_label("Size").select_option("a4_3x8")
        expect(page.get_by_text("25 labels")).to_be_visible()
        page.evaluate("window.print = () => { window.printed = true }")
        page.get_by_role("button", name="Print").click()
        # As fine as a printer, whose dots are smaller than those of a screen.
        page.evaluate("document.querySelector('.label-pages').style.zoom = 4")
        seen = page.locator(".label").first.screenshot()
        page.evaluate("document.querySelector('.label-pages').style.zoom = 1")
        sheets = page.pdf(prefer_css_page_size=True).count(b"/MediaBox")

        assert page.evaluate("window.printed")
        assert errors == []
    assert [found.text for found in zxingcpp.read_barcodes(Image.open(io.BytesIO(seen)))] == ["4006381333931"]
    assert sheets == 2
