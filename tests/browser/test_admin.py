"""Members of staff at the scan desk, in a real browser."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from inventory.models import StockLevel, StockMovement
from tests.browser.pages import errors_of, page_of
from tests.factories import make_location, make_product, set_stock
from tests.staff import PASSWORD, grant

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PARCELS = {"4006381333931": 5, "A-2": 12, "A-3": 1, "A-4": 40, "A-5": 7}
WAREHOUSE = (
    "inventory.view_stocklevel", "inventory.change_stocklevel", "inventory.add_transfer", "inventory.change_transfer",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _warehouse() -> None:
    grant(User.objects.create_user("ben", password=PASSWORD, is_staff=True), *WAREHOUSE)
    make_product("A-1", name="Desk lamp", barcode="4006381333931")
    for sku in list(PARCELS)[1:]:
        make_product(sku, name=f"Lamp {sku}")
    set_stock("A-1", make_location(), 10)


def log_in(page: Page, base: str) -> None:
    page.goto(f"{base}/admin/login/")
    page.get_by_label("Username").fill("ben")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base}/admin/")


def scan(page: Page, text: str) -> None:
    """What a scanner sends: the keys of the code, and the enter key, to whatever has the focus."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_five_parcels_are_received_by_scans_and_numbers_alone(live_server: LiveServer, chromium: str) -> None:
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.keyboard.press("/")
        scan(page, "A-1")
        page.wait_for_url("**/scan/**")
        page.evaluate("window.wasNotLoadedAgain = true")
        quantity = page.get_by_label("Units that came")
        expect(quantity).to_be_focused()

        for code, units in PARCELS.items():
            scan(page, code)
            expect(quantity).to_be_focused()
            expect(quantity).to_have_value("")
            scan(page, str(units))
            expect(page.locator("#log li").first).to_contain_text(f"(+{units}, Receipt)")
            expect(page.locator("#scan-box")).to_be_focused()

        # A scan in the quantity, and a slip: neither is booked.
        scan(page, "A-2")
        expect(quantity).to_be_focused()
        scan(page, "20000013")
        expect(page.locator("#log li").first).to_contain_text("Is it really 20,000,013 pieces?")
        expect(quantity).to_be_focused()
        scan(page, "A-3")
        expect(page.get_by_role("heading", name="Lamp A-3")).to_be_visible()

        page.locator("#log").get_by_role("button", name="Undo").first.click()
        expect(page.locator("#log")).to_contain_text("Undone: A-5 Lamp A-5 at Main: 7 → 0 on hand")
        assert page.evaluate("window.wasNotLoadedAgain")
        assert errors == []

    on_hand = dict(StockLevel.objects.values_list("variant__sku", "on_hand"))
    assert on_hand == {"A-1": 15, "A-2": 12, "A-3": 1, "A-4": 40, "A-5": 0}
    assert set(StockMovement.objects.order_by("-id")[:6].values_list("actor", flat=True)) == {"user:ben"}


@pytest.mark.slow
def test_scans_while_the_network_is_slow_lose_nothing(live_server: LiveServer, chromium: str) -> None:
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/inventory/stocklevel/scan/")
        page.route("**/stocklevel/scan/**", lambda route: (page.wait_for_timeout(700), route.continue_()))
        quantity = page.get_by_label("Units that came")

        for code, units in PARCELS.items():
            # The next scan does not wait for the answer to the last booking.
            scan(page, code)
            expect(quantity).to_be_focused()
            scan(page, str(units))
        expect(page.locator("#log li:has(button)")).to_have_count(len(PARCELS))
        assert errors == []

    on_hand = dict(StockLevel.objects.values_list("variant__sku", "on_hand"))
    assert on_hand == {"A-1": 15, "A-2": 12, "A-3": 1, "A-4": 40, "A-5": 7}
