"""A member of staff sets up a connection in a real browser, with the simulated PMS."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from pms_integration import services
from pms_integration.models import PMSConnection
from pms_integration.services.pms_client import close_clients
from tests.browser.pages import errors_of, page_of
from tests.browser.test_content_security import log_in
from tests.factories import make_connection, make_location
from tests.pms_integration.simulator.calling import TOKEN, SimulatorHere
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pms(settings) -> Iterator[PMSConnection]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    simulator = SimulatorHere()
    url = services.check_base_url(simulator.running.url)
    yield services.set_outgoing(connection_id=make_connection().pk, base_url=url, credentials={"token": TOKEN})
    close_clients()
    simulator.close()


def test_the_buttons_of_a_connection_work(live_server: LiveServer, chromium: str, pms: PMSConnection):
    User.objects.create_superuser("anna", password=PASSWORD)
    make_location()
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/pms_integration/pmsconnection/{pms.pk}/change/")

        # Buttons without a question post at once.
        page.get_by_role("link", name="Test").click()
        expect(page.get_by_text("Simulated PMS answers, within ")).to_be_visible()
        page.get_by_role("link", name="Pause").click()
        expect(page.get_by_text("Demo is paused: nothing is pushed to it.")).to_be_visible()

        page.get_by_role("link", name="Choose locations").click()
        page.get_by_role("link", name="Add another PMS location").click()
        page.locator("#id_locations-0-location").select_option("Main")
        page.locator("#id_locations-0-external_id").select_option("Second warehouse (W2)")
        page.get_by_role("button", name="Save and continue editing").click()
        expect(page.locator("#id_locations-0-external_id")).to_have_value("W2")

        page.locator("li", has_text="More").locator("a").click()
        page.get_by_role("link", name="Switch off").click()
        page.get_by_role("button", name="Switch off").click()
        expect(page.get_by_text("Demo is switched off.")).to_be_visible()
        assert errors == []

    pms.refresh_from_db()
    assert (pms.is_active, pms.is_paused, pms.locations.get().external_id) == (False, True, "W2")
