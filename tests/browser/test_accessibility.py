"""No page has a barrier that axe finds or is cut off, and none breaks its Content-Security-Policy."""

from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.browser.admin_pages import make_world
from tests.browser.pages import errors_of, page_of
from tests.browser.stock_pages import SIZES
from tests.browser.test_content_security import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STANDARD: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OPTIONS: Final[dict[str, Any]] = {"runOnly": STANDARD, "resultTypes": ["violations"]}
FEW_PAGES: Final = ("levels", "new-transfer", "connection", "product-history")
# What is wider than its place: the page itself, a table, a title.
CUT_OFF: Final = """
[document.documentElement, ...document.querySelectorAll('.overflow-x-auto:not([data-simplebar]), #content h2')]
    .filter(element => element.scrollWidth > element.clientWidth + 1)
    .map(element => `wider than its place: ${element.outerHTML.slice(0, 200)}`)
"""


@pytest.mark.parametrize(
    ("names", "widths", "scheme"),
    [
        (FEW_PAGES, [1280], "light"),
        *(pytest.param((), [*SIZES], scheme, marks=pytest.mark.slow) for scheme in ("light", "dark")),
    ],
    ids=["few", "all-light", "all-dark"],
)
def test_no_page_has_a_barrier(
    live_server: LiveServer, chromium: str, names: tuple[str, ...], widths: list[int], scheme: Any
):
    addresses = make_world()
    barriers: list[str] = []
    with page_of(chromium) as page:
        page.emulate_media(color_scheme=scheme)
        log_in(page, live_server.url)
        errors = errors_of(page)
        for name in names or addresses:
            page.goto(f"{live_server.url}{addresses[name]}", wait_until="networkidle")
            for width in widths:
                page.set_viewport_size({"width": width, "height": SIZES[width]})
                # As long as the page: what the bar at the bottom covers is scrolled into view.
                length = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": width, "height": max(length, SIZES[width])})
                found = [*barriers_of(page), *page.evaluate(CUT_OFF)]
                barriers += [f"{name} at {width}: {barrier}" for barrier in found]

    assert barriers == []
    assert errors == []


def barriers_of(page: Page) -> list[str]:
    """The rules of WCAG 2.2 A and AA that the page breaks, each with the elements that do."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]
