"""Staff decide in a real browser: about a conflict, an ambiguous product, and a matching report."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from pms_integration import services
from pms_integration.models import PMSConnection, PMSProduct, SyncRun
from products.models import Product
from tests.browser.pages import errors_of, find_chromium, page_of
from tests.browser.test_content_security import log_in
from tests.browser.test_imports import in_another_thread
from tests.factories import make_product
from tests.pms_integration.desk.deciding import in_conflict
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import fill, sync
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADMIN = "/admin/pms_integration"


@pytest.fixture
def chromium() -> str:
    """Debian's chromium; the test is left out where there is none."""
    User.objects.create_superuser("anna", password=PASSWORD)
    return find_chromium()


def be_dark(page: Page) -> None:
    """Chooses the dark theme."""
    page.locator("#nav-sidebar [x-on\\:click*=openUserLinks]").first.click()
    page.get_by_text("Dark", exact=True).first.click()
    expect(page.locator("html")).to_have_class("dark")


@pytest.mark.parametrize("is_dark", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["light", "dark"])
def test_a_conflict_is_seen_side_by_side_and_each_group_is_decided(
    live_server: LiveServer, chromium: str, pms: PMSConnection, simulator: SimulatorHere, is_dark: bool
):
    row = in_conflict(pms, simulator)
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        if is_dark:
            be_dark(page)
        page.goto(f"{live_server.url}{ADMIN}/pmsproduct/?state=conflict")
        page.get_by_role("link", name=str(row.external_id)).click()
        content, price = page.locator("#conflict-content"), page.locator("#conflict-price")
        expect(content.locator("tbody tr")).to_have_text(["Name nothing Their lamp Our lamp"], use_inner_text=True)
        # Both at one moment: the page may still be arranged.
        theirs, ours = content.evaluate("""table => [...table.querySelectorAll("tbody td")].slice(2, 4)
            .map(cell => cell.getBoundingClientRect().toJSON())""")
        # Side by side: at one height, and neither covers the other.
        assert theirs["y"] == ours["y"]
        assert theirs["x"] + theirs["width"] <= ours["x"]
        # What differs is marked in a colour that can be read.
        mark = content.locator("mark").first
        colours = mark.evaluate("mark => [getComputedStyle(mark).color, getComputedStyle(mark).backgroundColor]")
        assert colours[0] != colours[1]

        content.get_by_role("button", name="Take the PMS's").click()
        expect(page.get_by_text("Content: the values of the PMS are taken.")).to_be_visible()
        expect(content).to_have_count(0)
        price.get_by_role("button", name="Keep ours").click()
        expect(page.get_by_text("Price: our values are sent to the PMS.")).to_be_visible()
        expect(page.get_by_text("It waits to be pushed since")).to_be_visible()
        in_another_thread(services.push_due_products)
        page.reload()
        expect(page.get_by_text("It waits to be pushed since")).to_have_count(0)
        assert errors == []

    assert Product.objects.get().name == "Their lamp"
    theirs_now = simulator.state()["products"][0]
    assert (theirs_now["name"], theirs_now["variants"][0]["price"]) == ("Their lamp", "12.00")


def test_an_ambiguous_product_is_linked(
    live_server: LiveServer, chromium: str, pms: PMSConnection, simulator: SimulatorHere
):
    make_product("A-1", name="Old lamp", barcode="b-1")
    lamp = make_product("A-2", name="Lamp", barcode="b-1")
    variants = [{"sku": "NEW", "price": "10.00", "barcode": "b-1"}]
    simulator.control("products", product("NEW", name="Lamp", variants=variants), 201)
    sync(pms, resources=["products"])
    row = PMSProduct.objects.get()
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}{ADMIN}/pmsproduct/{row.pk}/change/")
        expect(page.get_by_text("The barcode b-1 belongs to several variants.").first).to_be_visible()
        expect(page.get_by_role("row", name="Old lamp")).to_be_visible()

        # First another one, by its SKU, and back.
        page.get_by_label("Another product of ours").fill("a-1")
        page.get_by_role("button", name="Show the product").click()
        expect(page.get_by_role("cell", name="Old lamp")).to_be_visible()
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("row", name=f"Lamp ({lamp.pk})").get_by_role("link", name="Link").click()
        expect(page.get_by_role("cell", name="NEW")).to_be_visible()
        page.get_by_role("button", name="Link").click()
        expect(page.get_by_text(f"{row.external_id} of Demo is our product Lamp now.")).to_be_visible()
        assert errors == []

    row.refresh_from_db()
    assert (row.product, row.match_problem) == (lamp, "")


@pytest.mark.slow
def test_a_matching_report_is_accepted(
    live_server: LiveServer, chromium: str, pms: PMSConnection, simulator: SimulatorHere
):
    make_product("A-0", name="By SKU")
    fill(simulator, 3, on_hand=None)
    dry = sync(pms, dry_run=True, resources=["products"])
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}{ADMIN}/syncrun/{dry.pk}/change/")
        page.get_by_role("link", name="2 products are made here").click()
        expect(page.locator("#result_list tbody tr")).to_have_count(2)
        page.go_back()
        page.get_by_role("link", name="Accept: start the full run").click()
        expect(page.get_by_role("cell", name="1 product is linked by SKU")).to_be_visible()
        page.get_by_role("button", name="Start the full run").click()
        expect(page.get_by_text("Pending…")).to_be_visible()

        in_another_thread(services.run_syncs)

        expect(page.get_by_text("What it has found and done")).to_be_visible()
        assert errors == []

    assert (SyncRun.objects.count(), Product.objects.count()) == (2, 3)
