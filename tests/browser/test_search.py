"""Members of staff search for an order, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.pages import become, errors_of, page_of, session_of
from tests.browser.stock_pages import SIZES, make_warehouse
from tests.browser.test_accessibility import barriers_of
from tests.browser.test_content_security import log_in
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import reserve

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_warehouse_finds_an_order_by_keys_alone_and_a_counter_does_not(live_server: LiveServer, chromium: str):
    make_product("A-1", name="Desk lamp")
    set_stock("A-1", make_location(), 10)
    wanted = reserve(("A-1", 1), reference="ORDER-1001")
    reserve(("A-1", 1), reference="ORDER-1002")
    warehouse, counter = session_of("ben", "Warehouse"), session_of("cora", "Counter")
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, warehouse)
        page.goto(f"{live_server.url}/admin/inventory/location/")
        page.keyboard.press("Control+k")
        page.keyboard.type("order-10")
        box = page.get_by_role("combobox", name="Search or scan")
        expect(page.get_by_role("option")).to_have_count(3)
        expect(box).to_have_attribute("aria-expanded", "true")

        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("option", name="ORDER-1001")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Escape")
        expect(page.get_by_role("listbox")).to_be_hidden()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/reservation/{wanted.pk}/change/")

        # Without waiting for what is found.
        page.keyboard.press("/")
        page.keyboard.type("ORDER-1002")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("ORDER-1002")

        become(page, live_server.url, counter)
        page.goto(f"{live_server.url}/admin/search/")
        page.keyboard.type("ORDER-1001")
        expect(page.locator("#search-panel")).to_contain_text("Nothing found for “ORDER-1001”")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search/?open=1&q=ORDER-1001")
        expect(page.get_by_role("main")).to_contain_text("Nothing found for “ORDER-1001”")
        assert errors == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_state_of_the_search_has_a_barrier(live_server: LiveServer, chromium: str, scheme: Any):
    make_warehouse()
    barriers: list[str] = []
    with page_of(chromium) as page:
        page.emulate_media(color_scheme=scheme)
        log_in(page, live_server.url)
        errors = errors_of(page)
        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for query in ("", "?q=desk", "?q=nothing"):
                page.goto(f"{live_server.url}/admin/search/{query}", wait_until="networkidle")
                barriers += barriers_of(page)
            page.goto(f"{live_server.url}/admin/inventory/stocklevel/", wait_until="networkidle")
            page.locator("#search-box").fill("order-10")
            page.get_by_role("option").first.wait_for()
            page.keyboard.press("ArrowDown")
            barriers += barriers_of(page)
            page.locator("#search-box").fill("nothing")
            page.get_by_text("Nothing found").first.wait_for()
            barriers += barriers_of(page)

    assert barriers == []
    assert errors == []
