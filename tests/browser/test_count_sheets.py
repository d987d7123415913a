"""A counter counts a shelf by keyboard alone, and somebody of the warehouse posts the count."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from inventory import services
from inventory.models import StockLevel
from tests.browser.pages import answer_after, become, errors_of, page_of, session_of
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SHELF = {f"TEA-{number}": number + 10 for number in range(1, 11)}


def count(page: Page, code: str, number: str) -> None:
    """A scan, a number: each ends with Enter, and nobody waits for an answer."""
    page.keyboard.type(f"{code}\n{number}\n")


@pytest.mark.slow
def test_a_counter_counts_a_shelf_by_keyboard_and_another_posts_it(live_server: LiveServer, chromium: str):
    location = make_location()
    for sku, units in SHELF.items():
        make_product(sku, name="Green tea")
        set_stock(sku, location, units)
    sheet = services.create_stocktake(location=location.code).pk
    counter, warehouse = session_of("cora", "Counter"), session_of("walt", "Warehouse")
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, counter)
        page.goto(f"{live_server.url}/admin/inventory/stocktake/{sheet}/count/")
        expect(page.locator("#panel-scan")).to_be_focused()
        page.evaluate("window.isTheSamePage = true")

        answer_after(page, milliseconds=200)
        count(page, "tea-1", "12")
        expect(page.locator("#panel-messages")).to_contain_text("TEA-1 Green tea: 12 counted.")
        answer_after(page, milliseconds=0)
        for sku in list(SHELF)[1:-1]:
            count(page, sku.lower(), "12")
        count(page, "tea-10", "20000013")
        expect(page.get_by_text("Is it really 20,000,013 units?")).to_be_visible()
        page.keyboard.type("12\n")

        expect(page.get_by_text("All 10 lines are counted. Whoever may post them")).to_be_visible()
        assert page.evaluate("window.isTheSamePage") is True
        assert errors == []
        page.goto(f"{live_server.url}/admin/inventory/stocktake/{sheet}/post/")
        expect(page.get_by_role("heading", name="You may not do this").last).to_be_visible()
        expect(page.get_by_text("These roles have it: Warehouse, Administrator.")).to_be_visible()

        become(page, live_server.url, warehouse)
        page.goto(f"{live_server.url}/admin/inventory/stocktake/?ready=1")
        page.get_by_role("link", name=f"Count sheet {sheet}").click()
        page.get_by_role("link", name="Review and post").click()
        expect(page.get_by_role("row", name=re.compile("TEA-10 Green tea 20 12"))).to_be_visible()
        page.get_by_role("button", name="Post", exact=True).click()
        expect(page.get_by_text(f"Count sheet {sheet} is posted")).to_be_visible()

    assert set(StockLevel.objects.values_list("on_hand", flat=True)) == {12}
