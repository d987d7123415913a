"""A member of staff in a real browser."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from inventory.models import StockLevel, StockMovement
from tests.browser.pages import page_of
from tests.factories import make_location, make_product, set_stock
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_staff_log_in_adjust_a_level_and_see_the_new_quantity(live_server: LiveServer, chromium: str):
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
