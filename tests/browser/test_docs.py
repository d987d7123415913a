"""`/api/docs/`: a developer reads it in the light and in the dark, on any screen, and tries the examples out."""

from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from pms_backend.access.services import create_api_client
from products.models import Product
from products.services import create_category
from tests.browser.pages import become, errors_of, page_of, session_of
from tests.browser.stock_pages import SIZES
from tests.browser.test_accessibility import barriers_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CREATE: Final = "#operations-products-v1_products_create"
# With a form, with parameters of each kind, with a body that may be several things.
OPEN: Final = (CREATE, "#operations-products-v1_products_list", "#operations-images-v1_products_images_create")


def opened(page: Page, operation: str) -> Locator:
    """The operation, ready to be tried out."""
    found = page.locator(operation)
    found.locator(".opblock-summary-control").click()
    found.get_by_role("button", name="Try it out").click()
    return found


def status_of(operation: Locator) -> str:
    """Sends the request that the page offers, and returns the status that the page shows."""
    operation.get_by_role("button", name="Execute").click()
    return operation.locator(".live-responses-table tbody .response-col_status").inner_text()


def authorize(page: Page, key: str) -> None:
    page.get_by_role("button", name="Authorize", exact=True).click()
    dialog = page.locator(".modal-ux")
    named = dialog.locator(".auth-container").filter(has_text="X-Api-Key")
    named.get_by_role("textbox").fill(key)
    named.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").last.click()


def test_an_example_is_tried_out_with_a_key(live_server: LiveServer, chromium: str):
    create_category(name="Kitchen")
    key = create_api_client(name="docs", scopes=["products:write"]).api_key
    with page_of(chromium) as page:
        page.emulate_media(color_scheme="dark")
        errors = errors_of(page)
        page.goto(f"{live_server.url}/api/docs/")
        authorize(page, key)

        assert status_of(opened(page, CREATE)) == "201"
        assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(16, 24, 40)"
        assert errors == []

    assert Product.objects.get().name == "Enamel mug"


@pytest.mark.slow
@pytest.mark.parametrize(("role", "status", "names"), [("Catalogue", "201", ["Enamel mug"]), ("Viewer", "403", [])])
def test_a_member_of_staff_tries_it_out_with_the_session_and_the_rights_of_the_role(
    live_server: LiveServer, chromium: str, role: str, status: str, names: list[str]
):
    create_category(name="Kitchen")
    session = session_of("anna", role)
    with page_of(chromium) as page:
        become(page, live_server.url, session)
        page.goto(f"{live_server.url}/api/docs/")

        assert status_of(opened(page, CREATE)) == status

    assert [product.name for product in Product.objects.all()] == names


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_docs_have_no_barrier_and_fit_every_screen(live_server: LiveServer, chromium: str, scheme: Any):
    barriers: list[str] = []
    widths: list[tuple[int, int]] = []
    with page_of(chromium) as page:
        page.emulate_media(color_scheme=scheme)
        errors = errors_of(page)
        page.goto(f"{live_server.url}/api/docs/")
        for operation in OPEN:
            expect(opened(page, operation).get_by_role("button", name="Execute")).to_be_visible()
        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            barriers += [f"at {width}: {barrier}" for barrier in barriers_of(page)]
            widths.append((width, page.evaluate("document.documentElement.scrollWidth")))
        page.get_by_role("button", name="Authorize", exact=True).click()
        barriers += [f"authorize: {barrier}" for barrier in barriers_of(page)]

    assert barriers == []
    assert [width for width, shown in widths if shown > width] == []
    assert errors == []
