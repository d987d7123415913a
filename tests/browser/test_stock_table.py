"""The documented client in a real browser: its table is right in the end, although the socket server is killed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from inventory.models import StockLevel
from pms_backend.access.services import create_api_client
from pms_backend.events.services import relay_pending
from tests.browser.pages import page_of
from tests.concurrency.threads import at_once
from tests.conftest import next_feed
from tests.factories import make_location, make_product, set_stock
from tests.faults.celery_processes import ROOT
from tests.sockets import SocketServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

EXAMPLE = ROOT / "inventory" / "static" / "inventory" / "stock_table.js"
MAX_LINES = 60
PAGE = """
<script type="module">
import { watchStock } from "/stock_table.js";
window.levels = new Map();
window.drops = 0;
const getTicket = async () => {
  window.drops += 1;
  const answer = await fetch("/ticket", { method: "POST" });
  return (await answer.json()).ticket;
};
watchStock({ url: "URL", getTicket, levels: window.levels });
</script>
"""
SHOWN = "() => Object.fromEntries([...window.levels].map(([place, level]) => [place, level.on_hand]))"
SKUS = ["A-1", "B-2", "C-3"]


class Shop(BaseHTTPRequestHandler):
    """An integrator's web server: it serves the page, and gets tickets with its key."""

    document = api = key = ""

    def do_GET(self) -> None:
        is_script = self.path.endswith(".js")
        self._answer(
            EXAMPLE.read_text() if is_script else self.document, "text/javascript" if is_script else "text/html"
        )

    def do_POST(self) -> None:
        answer = httpx.post(f"{self.api}/api/v1/realtime/tickets/", headers={"X-Api-Key": self.key})
        self._answer(answer.text, "application/json")

    def _answer(self, text: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def shop(api: str, sockets: str) -> Iterator[str]:
    """Its address."""
    Shop.api, Shop.document = api, PAGE.replace("URL", sockets)
    Shop.key = create_api_client(name="shop", scopes=["inventory:read"], tier="internal").api_key
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def server(transactional_db: None) -> Iterator[SocketServer]:
    next_feed()
    server = SocketServer().start()
    yield server
    server.kill()


def change(number: int) -> None:
    """Sets each SKU to another quantity, and publishes that."""

    def write() -> None:
        for index, sku in enumerate(SKUS):
            set_stock(sku, "main", 100 * number + index)
        relay_pending()

    # In a thread: this one runs the browser's event loop.
    assert at_once([write]) == [None]


def figures(number: int) -> dict[str, int]:
    return {f"{sku}@main": 100 * number + index for index, sku in enumerate(SKUS)}


def wait_for(page: Page, number: int) -> None:
    page.wait_for_function(f"figures => JSON.stringify(({SHOWN})()) === JSON.stringify(figures)", arg=figures(number))


@pytest.mark.slow
def test_the_table_is_right_after_the_server_was_killed(
    live_server: LiveServer, server: SocketServer, chromium: str
) -> None:
    make_location("main")
    for sku in SKUS:
        make_product(sku)
    change(1)

    with shop(live_server.url, server.url) as address, page_of(chromium) as page:
        page.goto(address)
        wait_for(page, 1)
        change(2)
        wait_for(page, 2)
        server.kill()
        change(3)
        server.start()
        wait_for(page, 3)
        change(4)
        wait_for(page, 4)
        drops = page.evaluate("window.drops")

    assert drops >= 2
    assert set(StockLevel.objects.values_list("on_hand", flat=True)) == set(figures(4).values())


def test_the_example_is_short_and_in_the_docs() -> None:
    text = (Path(ROOT) / "docs" / "realtime.md").read_text()

    assert len(EXAMPLE.read_text().splitlines()) <= MAX_LINES
    assert "static/inventory/stock_table.js" in text
