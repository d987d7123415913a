"""A failed webhook in a real browser: the integrator sees why it failed, sends it again, and sees the answer."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from pms_backend.events.services import relay_pending
from tests.browser.pages import become, errors_of, page_of, session_of
from tests.factories import make_product
from tests.outbound.servers import LocalServer, saying, serving
from tests.staff import logged_in
from webhooks import services
from webhooks.models import Delivery, WebhookEndpoint
from webhooks.services.posters import close_posters

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def subscriber(settings) -> Iterator[LocalServer]:
    """A real subscriber on this machine, whose database is away."""
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with serving(saying(b'{"error": "the database is away"}', 500), keep_alive=True) as server:
        yield server
    close_posters()


@pytest.fixture
def endpoint(subscriber: LocalServer) -> WebhookEndpoint:
    """The subscriber's, to which one webhook has failed."""
    url = services.check_endpoint_url(f"http://127.0.0.1:{subscriber.port}/hook")
    made = services.create_endpoint(
        url=url, event_types=["product.created"], description="Shop", headers={"X-Key": "secret-value"}
    )
    make_product("A-1")
    relay_pending()
    services.send_due_deliveries()
    return made


@pytest.mark.slow
def test_a_failed_webhook_is_sent_again_and_its_answer_seen(
    live_server: LiveServer, chromium: str, endpoint: WebhookEndpoint, subscriber: LocalServer
):
    session = session_of("ines", "Integrator")
    User.objects.get(username="ines").groups.add(Group.objects.get(name="Catalogue"))
    address = reverse("admin:webhooks_webhookendpoint_change", args=[endpoint.pk])
    with page_of(chromium) as page:
        become(page, live_server.url, session)
        errors = errors_of(page)
        page.goto(f"{live_server.url}{address}")
        expect(page.get_by_text("1 attempt has failed, the last one was answered 500.")).to_be_visible()
        page.get_by_role("link", name="product.created").click()
        see_the_request(page, "refused with 500", '{"error": "the database is away"}')

        subscriber.respond = saying(b"thanks", 200)
        page.get_by_role("link", name="Send again").click()
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("is sent again now.")).to_be_visible()
        beside(services.send_due_deliveries)
        page.reload()
        see_the_request(page, "answered 200", "thanks")
        page.goto(f"{live_server.url}{address}")
        expect(page.get_by_text("1 of 2 attempts of the last 24 hours were delivered.")).to_be_visible()
        assert errors == []

    first, again = subscriber.received
    assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])
    assert Delivery.objects.get().status == "delivered"


def test_the_catalogue_s_staff_can_neither_see_nor_send_it(endpoint: WebhookEndpoint, subscriber: LocalServer):
    session_of("carl", "Catalogue")
    client, delivery = logged_in("carl"), Delivery.objects.get()

    pages = [reverse(f"admin:webhooks_delivery_{name}", args=[delivery.pk]) for name in ("change", "redeliver")]

    assert [client.get(page).status_code for page in pages] == [403, 403]
    assert client.post(pages[1], {"confirm": "1"}).status_code == 403
    services.send_due_deliveries()
    assert len(subscriber.received) == 1


def see_the_request(page: Page, result: str, answer: str) -> None:
    """The page of a delivery shows what was sent, without secrets, and what was answered."""
    expect(page.get_by_text(result).first).to_be_visible()
    expect(page.locator("pre", has_text=answer).first).to_be_visible()
    expect(page.get_by_role("row", name="webhook-signature")).to_contain_text("v1,")
    expect(page.get_by_role("row", name="X-Key")).to_contain_text("••••••••")
    expect(page.locator("pre:visible", has_text="A-1").first).to_be_visible()


def beside(work: Callable[[], object]) -> None:
    """Works in another thread: this one runs the browser's event loop."""

    def then_close() -> None:
        work()
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(then_close).result()
