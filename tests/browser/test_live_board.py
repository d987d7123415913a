"""The live board in a real browser: it shows what happens outside, and is right again after the sockets were away."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from inventory.models import StockLevel
from pms_backend.events.services import relay_pending
from pms_integration import services
from pms_integration.models import PMSConnection
from tests.browser.pages import TICKETS, errors_of, page_of
from tests.browser.test_content_security import log_in
from tests.browser.test_imports import in_another_thread
from tests.conftest import next_feed
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.report_runners import send_webhook
from tests.sockets import SocketServer
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(transactional_db: None, settings) -> Iterator[SocketServer]:
    next_feed()
    server = SocketServer().start()
    settings.PUBLIC_WS_PORT = server.port
    yield server
    server.kill()


@pytest.fixture
def pms() -> PMSConnection:
    """Owns the stock of `main`, where 9 of A-1 and 2 of B-1 are."""
    anna = User.objects.create_user("anna", password=PASSWORD, is_staff=True)
    anna.groups.add(Group.objects.get(name="Warehouse"))
    main = make_location("main")
    for sku, on_hand in (("A-1", 9), ("B-1", 2)):
        make_product(sku)
        set_stock(sku, main, on_hand)
    connection = make_connection("demo", owns=main)
    relay_pending()
    return connection


def report(pms: PMSConnection, sku: str, delta: int) -> None:
    """The PMS says so by a webhook, which the workers apply and publish."""

    def work() -> None:
        data = {"sku": sku, "location": "main", "delta": delta}
        body = {"type": "inventory.adjusted", "timestamp": datetime.now(tz=UTC).isoformat(), "data": data}
        assert send_webhook(pms, json.dumps(body), webhook_id=f"{sku} {delta}") == 202
        services.apply_due_events()
        relay_pending()

    in_another_thread(work)


def state_of(page: Page) -> Locator:
    return page.get_by_role("status")


def figure(page: Page, sku: str, field: str = "on_hand") -> Locator:
    return page.locator(f"[data-level='{sku}@main'] [data-field={field}]")


def skus(page: Page) -> list[str]:
    return page.locator("tbody th a").all_inner_texts()


def open_board(page: Page, live_server: LiveServer) -> list[str]:
    """Opens it, waits until it is live, and returns the errors of the page from now on."""
    errors = errors_of(page)
    log_in(page, live_server.url)
    page.goto(f"{live_server.url}/admin/inventory/board/")
    expect(state_of(page)).to_have_text("Live")
    return errors


def test_the_board_shows_a_webhook_from_outside_and_is_right_after_the_socket_server_was_killed(
    live_server: LiveServer, server: SocketServer, pms: PMSConnection, chromium: str
):
    level = StockLevel.objects.get(variant__sku="A-1")
    with page_of(chromium, with_sockets=True) as page:
        errors = open_board(page, live_server)
        assert skus(page) == ["B-1", "A-1"]
        of_level = page.context.new_page()
        errors_of_level = errors_of(of_level)
        of_level.goto(f"{live_server.url}/admin/inventory/stocklevel/{level.pk}/change/")
        expect(state_of(of_level)).to_have_text("Live")

        report(pms, "A-1", -3)

        # Highlighted for some seconds only, so this is looked at first and at once.
        expect(page.locator("[data-level='A-1@main']")).to_have_text(re.compile(r"A-1\s+Changed[\s\S]+6−3"))
        expect(page.locator("tbody th a").first).to_have_text("A-1")
        expect(figure(of_level, "A-1")).to_contain_text("6")
        expect(of_level.get_by_role("cell", name="−3")).to_be_visible()
        drawn = "Chart.getChart(document.querySelector('canvas.chart')).data.datasets[0].data"
        assert of_level.evaluate(drawn) == [0, 9, 6, 6]

        server.kill()
        expect(state_of(page)).to_contain_text("Connection lost since")
        report(pms, "B-1", +40)
        server.start()

        expect(state_of(page)).to_have_text("Live", timeout=30_000)
        expect(figure(page, "B-1")).to_contain_text("42")
        expect(page.locator("tbody th a").first).to_have_text("B-1")
        assert (errors, errors_of_level) == ([], [])


@pytest.mark.slow
def test_the_board_is_right_again_as_soon_as_the_tablet_has_a_network(
    live_server: LiveServer, server: SocketServer, pms: PMSConnection, chromium: str
):
    with page_of(chromium, with_sockets=True) as page:
        open_board(page, live_server)
        page.context.set_offline(True)
        expect(state_of(page)).to_contain_text("Connection lost since", timeout=40_000)
        report(pms, "A-1", -3)

        page.context.set_offline(False)

        expect(state_of(page)).to_have_text("Live", timeout=3_000)
        expect(figure(page, "A-1")).to_contain_text("6")


@pytest.mark.slow
def test_a_page_of_somebody_who_was_logged_out_stops_trying(
    live_server: LiveServer, server: SocketServer, pms: PMSConnection, chromium: str
):
    with page_of(chromium, with_sockets=True) as page:
        open_board(page, live_server)
        tickets: list[str] = []
        page.on("request", lambda request: tickets.append(request.url) if TICKETS in request.url else None)
        page.context.clear_cookies()
        server.kill()

        expect(state_of(page)).to_have_text("Not live: you are logged out", timeout=10_000)
        page.wait_for_timeout(3_000)
        assert len(tickets) == 1
