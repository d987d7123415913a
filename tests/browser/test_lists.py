"""Lists on a phone, a tablet and a computer."""

from typing import Final

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.browser.admin_pages import lists, make_world
from tests.browser.pages import page_of
from tests.browser.stock_pages import SIZES
from tests.browser.test_content_security import log_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROWS_ON_A_PHONE: Final = 6
FEW_LISTS: Final = ("levels", "transfers")
# The parts of a list that are wider than their place: behind a scrollbar, or cut off by the edge.
CUT_OFF: Final = """
[...document.querySelectorAll('#changelist-form .simplebar-content-wrapper, .result-list td, .result-list th')]
    .filter(element => element.checkVisibility() && element.scrollWidth > element.clientWidth + 1)
    .map(element => element.className.slice(0, 80) || element.id)
"""
# The rows above the lower end of the screen, where the buttons of the page are.
WHOLE_ROWS: Final = """
() => {
    const end = document.querySelector('.page-actions:has(li)')?.getBoundingClientRect().top ?? window.innerHeight;
    return [...document.querySelectorAll('.result-list .data-row')]
        .filter(row => row.getBoundingClientRect().bottom <= end).length;
}
"""


@pytest.mark.parametrize(
    "names", [FEW_LISTS, pytest.param((*lists(), "differences"), marks=pytest.mark.slow)], ids=["few", "all"]
)
def test_a_phone_shows_six_rows_and_wider_screens_every_column(
    live_server: LiveServer, chromium: str, names: tuple[str, ...]
):
    addresses = make_world()
    rows: dict[str, int] = {}
    cut_off: dict[str, list[str]] = {}
    with page_of(chromium) as page:
        log_in(page, live_server.url)
        for name in names:
            page.goto(f"{live_server.url}{addresses[name]}")
            for width in (820, 1280):
                cut_off[f"{name} at {width}"] = at(page, width, CUT_OFF)
            rows[name] = at(page, 390, WHOLE_ROWS)
        page.goto(f"{live_server.url}{addresses['transfers']}")
        aligned = page.locator("td.field-units").first.evaluate("cell => getComputedStyle(cell).textAlign")

    assert {name: found for name, found in cut_off.items() if found} == {}
    assert {name: count for name, count in rows.items() if count < ROWS_ON_A_PHONE} == {}
    assert aligned == "right"


def at(page: Page, width: int, question: str) -> object:
    """The answer of a script, at this width."""
    page.set_viewport_size({"width": width, "height": SIZES[width]})
    return page.evaluate(question)
