"""A transfer in a real browser, by scanner and keyboard alone."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from inventory import services
from inventory.models import StockLevel, Transfer
from tests.browser.pages import become, errors_of, page_of, session_of
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BARCODE = "4006381333931"


@pytest.mark.slow
def test_a_transfer_is_planned_and_received_by_scans(live_server: LiveServer, chromium: str):
    session = session_of("walt", "Warehouse")
    for code in ("main", "shop"):
        make_location(code)
    make_product("A-1", barcode=BARCODE)
    make_product("B-1")
    for sku in ("A-1", "B-1"):
        set_stock(sku, "main", 10)

    with page_of(chromium) as page:
        become(page, live_server.url, session)
        errors = errors_of(page)
        plan(page, live_server.url)
        expect(page.get_by_text("is planned; nothing has moved yet.")).to_be_visible()
        page.get_by_role("link", name="Ship").click()
        page.get_by_role("button", name="Ship transfer").click()
        page.get_by_role("link", name="Receive").click()
        receive(page)
        expect(page.get_by_text("was received.")).to_be_visible()
        assert errors == []

    assert dict(Transfer.objects.get().lines.values_list("variant__sku", "received")) == {"A-1": 3, "B-1": 1}
    assert list(StockLevel.objects.filter(location__code="shop").values_list("on_hand", "incoming")) == [(3, 0), (1, 1)]


def plan(page: Page, base: str) -> None:
    """Fills in the form of a new transfer, with a mistake at first, and more lines than it has at first."""
    page.goto(f"{base}/admin/inventory/transfer/add/")
    page.get_by_label("Source").select_option("Main")
    page.get_by_label("Target").select_option("Shop")
    page.wait_for_load_state()
    page.locator("#id_lines-0-sku").focus()
    scan(page, BARCODE, "3")
    expect(page.locator("#id_lines-1-sku")).to_be_focused()
    page.locator("#id_lines-4-sku").focus()
    scan(page, "C-1", "2")
    expect(page.locator("#id_lines-5-sku")).to_be_focused()
    page.keyboard.press("Enter")
    # The form is sent by Enter in an empty line, and goes on at what is to be corrected.
    expect(page.locator("#id_lines-4-sku")).to_be_focused()
    page.keyboard.press("Control+A")
    scan(page, "B-1", "")
    page.get_by_role("button", name="Save", exact=True).click()


def receive(page: Page) -> None:
    """Receives one unit of B-1 less than was sent."""
    page.wait_for_load_state()
    expect(page.get_by_label("SKU or barcode", exact=True)).to_be_focused()
    page.keyboard.type("unknown\n")
    expect(page.get_by_text("No line has this SKU or barcode.")).to_be_visible()
    page.keyboard.type(f"{BARCODE}\n")
    expect(page.get_by_label("Received units of A-1")).to_be_focused()
    page.keyboard.press("Enter")
    scan(page, "b-1", "1")
    page.get_by_role("button", name="Receive").click()


def scan(page: Page, code: str, quantity: str) -> None:
    """What a scanner and a hand type: the code with Enter, then the quantity."""
    page.keyboard.type(f"{code}\n")
    if quantity:
        page.keyboard.type(f"{quantity}\n")


@pytest.mark.slow
def test_a_viewer_sees_a_transfer_and_neither_plans_nor_receives_one(live_server: LiveServer, chromium: str):
    for code in ("main", "shop"):
        make_location(code)
    make_product("A-1")
    set_stock("A-1", "main", 10)
    transfer = services.create_transfer(source="main", target="shop", lines=[("A-1", 1)])
    session = session_of("vera", "Viewer")

    with page_of(chromium) as page:
        become(page, live_server.url, session)
        page.goto(f"{live_server.url}/admin/inventory/transfer/{transfer.pk}/change/")
        expect(page.get_by_text("Draft")).to_be_visible()
        expect(page.get_by_role("link", name="Ship")).to_have_count(0)
        refused = page.goto(f"{live_server.url}/admin/inventory/transfer/{transfer.pk}/ship/")

    assert refused is not None
    assert refused.status == 403
