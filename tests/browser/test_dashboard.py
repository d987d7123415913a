"""The dashboard in a real browser: charts are drawn under the policy, work leads to its list, and both stay right."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from inventory import services as inventory
from pms_backend.events.services import relay_pending
from tests.browser.pages import errors_of, page_of
from tests.browser.test_content_security import log_in
from tests.browser.test_imports import in_another_thread
from tests.conftest import next_feed
from tests.factories import make_location, make_product, set_stock
from tests.sockets import SocketServer
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# The figures that chart.js shows.
DRAWN = """canvas => {
    const { controller, data } = Chart.getChart(canvas).getDatasetMeta(0);
    return data.map((_, number) => controller.getParsed(number).y);
}"""


@pytest.fixture
def _sockets(transactional_db: None, settings: Any) -> Iterator[None]:
    next_feed()
    server = SocketServer().start()
    settings.PUBLIC_WS_PORT = server.port
    yield
    server.kill()


@pytest.mark.usefixtures("_sockets")
def test_a_shift_lead_sees_the_last_days_and_does_what_is_to_be_done(live_server: LiveServer, chromium: str) -> None:
    User.objects.create_superuser("anna", password=PASSWORD)
    make_product("A-1")
    inventory.record_stock_days()
    set_stock("A-1", make_location(), 5)
    inventory.adjust_stock(sku="A-1", location="main", delta=-9, reason="damage")
    relay_pending()

    def receive() -> None:
        inventory.adjust_stock(sku="A-1", location="main", delta=10, reason="receipt")
        relay_pending()

    with page_of(chromium, with_sockets=True) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/")
        expect(page.get_by_role("status")).to_have_text("Live")

        chart = page.get_by_role("img", name="Units on hand: -4 now, between -4 and 0 in the days shown")
        assert chart.evaluate(DRAWN) == [*[0] * 29, -4]
        page.get_by_text("Figures: Units on hand").click()
        expect(page.get_by_role("row").filter(has_text="-4").first).to_be_visible()
        page.get_by_role("link", name="1 level is oversold").click()
        expect(page.get_by_role("row").filter(has_text="A-1")).to_have_count(1)
        page.go_back()
        expect(page.get_by_role("status")).to_have_text("Live")

        in_another_thread(receive)

        chart = page.get_by_role("img", name="Units on hand: 6 now, between 0 and 6 in the days shown")
        expect(chart).to_be_visible()
        assert chart.evaluate(DRAWN) == [*[0] * 29, 6]
        expect(page.get_by_role("heading", name="Units on hand 6")).to_be_visible()
        expect(page.get_by_text("Nothing to do: all is counted, received and in order.")).to_be_visible()
        assert errors == []
