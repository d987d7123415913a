"""Members of staff at the scan desk, in a real browser."""

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from inventory import services
from inventory.models import StockLevel, StockMovement
from tests.browser.pages import answer_after, become, errors_of, page_of, session_of
from tests.factories import make_location, make_product, set_stock
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PARCELS = {"4006381333931": 5, "A-2": 12, "A-3": 1, "A-4": 40, "A-5": 7}


@pytest.fixture(autouse=True)
def _warehouse() -> None:
    ben = User.objects.create_user("ben", password=PASSWORD, is_staff=True)
    ben.groups.add(Group.objects.get(name="Warehouse"))
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

        # An unknown code, a scan in the quantity, and a slip: none is booked.
        scan(page, "4711")
        expect(page.get_by_role("alert").get_by_text("4711")).to_be_visible()
        scan(page, "A-2")
        expect(quantity).to_be_focused()
        scan(page, "20000013")
        expect(page.locator("#log li").first).to_contain_text("Is it really 20,000,013 units?")
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
def test_keys_that_do_not_wait_for_the_answers_of_a_slow_network_are_not_lost(
    live_server: LiveServer, chromium: str
) -> None:
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/inventory/stocklevel/scan/")
        expect(page.locator("#scan-box")).to_be_focused()
        answer_after(page, milliseconds=400)

        for code, units in PARCELS.items():
            page.keyboard.type(f"{code}\n{units}\n")
        expect(page.locator("#log li:has(button)")).to_have_count(len(PARCELS))
        assert errors == []

    on_hand = dict(StockLevel.objects.values_list("variant__sku", "on_hand"))
    assert on_hand == {"A-1": 15, "A-2": 12, "A-3": 1, "A-4": 40, "A-5": 7}


@pytest.mark.slow
def test_a_viewer_sees_where_an_item_lies_and_cannot_book(live_server: LiveServer, chromium: str) -> None:
    session = session_of("vera", "Viewer")
    with page_of(chromium) as page:
        errors = errors_of(page)
        become(page, live_server.url, session)
        page.goto(f"{live_server.url}/admin/inventory/stocklevel/scan/?q=A-1")

        expect(page.get_by_role("row", name="Main 10 0 10 0")).to_be_visible()
        expect(page.get_by_role("button", name="Receive")).to_have_count(0)
        assert errors == []


@pytest.mark.slow
def test_a_mistake_is_reversed_from_the_ledger(live_server: LiveServer, chromium: str) -> None:
    services.adjust_stock(sku="A-1", location="main", delta=50, reason="receipt")
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.get_by_role("link", name="Movements").first.click()
        page.locator("#result_list").get_by_role("link").first.click()
        page.get_by_role("link", name="Reverse").click()
        page.get_by_label("Note").fill("It were five")
        page.get_by_role("button", name="Reverse").click()

        expect(page.get_by_text("A-1 Desk lamp at Main: 60 → 10 on hand (−50, Correction).")).to_be_visible()
        expect(page.get_by_role("link", name="Reverse", exact=True)).to_have_count(0)
        assert errors == []

    reversal = StockMovement.objects.latest("id")
    assert (reversal.delta, reversal.note, reversal.actor) == (-50, "It were five", "user:ben")
