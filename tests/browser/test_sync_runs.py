"""A member of staff starts a sync run of the simulated PMS, watches it, and confirms what it is held for."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from pms_integration import services
from pms_integration.models import PMSConnection
from pms_integration.services.pms_client import close_clients
from products.models import Product, ProductStatus
from tests.browser.pages import errors_of, page_of
from tests.browser.test_content_security import log_in
from tests.browser.test_imports import in_another_thread
from tests.factories import make_connection
from tests.pms_integration.simulator.calling import TOKEN, SimulatorHere
from tests.pms_integration.sync.running import fill, sync
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def simulator() -> Iterator[SimulatorHere]:
    running = SimulatorHere()
    yield running
    close_clients()
    running.close()


@pytest.fixture
def pms(simulator: SimulatorHere, settings) -> PMSConnection:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    url = services.check_base_url(simulator.running.url)
    return services.set_outgoing(connection_id=make_connection().pk, base_url=url, credentials={"token": TOKEN})


@pytest.mark.slow
def test_the_page_of_a_run_follows_it(
    live_server: LiveServer, chromium: str, pms: PMSConnection, simulator: SimulatorHere
):
    User.objects.create_superuser("anna", password=PASSWORD)
    ids = fill(simulator, 25, on_hand=None)
    sync(pms, resources=["products"])
    for product_id in ids[:21]:
        simulator.control(f"products/{product_id}", method="DELETE")
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/pms_integration/pmsconnection/{pms.pk}/change/")
        page.locator("li a[x-on\\:click]", has_text="Sync").click()
        page.get_by_role("link", name="Full sync").click()
        page.get_by_role("button", name="Full sync").click()
        expect(page.get_by_text("Pending…")).to_be_visible()

        in_another_thread(services.run_syncs)

        # The button comes with the status, without a click.
        expect(page.get_by_role("link", name="Confirm")).to_be_visible()
        page.get_by_role("link", name="Confirm").click()
        expect(page.get_by_text("It would archive 21 of 25 products")).to_be_visible()
        page.get_by_role("button", name="Confirm sync run").click()
        expect(page.get_by_text("Running: Applying…")).to_be_visible()

        in_another_thread(services.run_syncs)

        expect(page.get_by_text("Finished", exact=True)).to_be_visible()
        page.locator("#live-panel").get_by_role("link", name="21 products are archived here").click()
        expect(page.locator("#result_list").get_by_text("Archives it here")).to_have_count(21)
        assert errors == []

    assert Product.objects.filter(status=ProductStatus.ARCHIVED).count() == 21
