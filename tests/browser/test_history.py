"""Somebody of the catalogue changes a price and finds in the history who changed it; a counter sees no history."""

import re

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.pages import become, errors_of, page_of, session_of
from tests.factories import make_product

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_a_price_is_changed_and_who_changed_it_is_found(live_server: LiveServer, chromium: str):
    lamp = make_product("A-1")
    editor, counter = session_of("cora", "Catalogue"), session_of("walt", "Counter")
    product = f"{live_server.url}/admin/products/product/{lamp.pk}/"
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, editor)
        page.goto(f"{product}change/")
        page.locator("[name=variants-0-price]").fill("12.50")
        page.get_by_role("button", name="Save and continue editing").or_(
            page.get_by_role("button", name="Save")
        ).first.click()
        page.goto(f"{product}change/")

        told = re.compile(r"Changed Price of A-1: 10\.00 → 12\.50 .* cora Admin")
        expect(page.get_by_role("row", name=told)).to_be_visible()
        page.get_by_role("link", name="All history").click()
        expect(page.get_by_role("heading", name="History of Lamp")).to_be_visible()
        expect(page.get_by_role("row", name=told)).to_be_visible()
        assert errors == []

        become(page, live_server.url, counter)
        page.goto(f"{product}change/")
        expect(page.get_by_text("A-1").first).to_be_visible()
        expect(page.get_by_role("link", name="All history")).to_have_count(0)
        page.goto(f"{product}history/")
        expect(page.get_by_role("heading", name="You may not do this").last).to_be_visible()
