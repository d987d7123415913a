"""No page breaks its Content-Security-Policy, and none is broken by it."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from products.models import Product
from tests.browser.pages import errors_of, page_of
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# One page of each kind: a list, a table that updates itself, forms with their widgets.
FEW_PAGES = (
    "inventory/stocklevel", "pms_integration/importjob", "products/product/{product}/change", "products/category/add",
    "access/apiclient/add",
)  # fmt: skip
OTHER_PAGES = (
    "products/product", "products/category", "inventory/stockmovement", "inventory/location", "inventory/transfer",
    "inventory/stocktake", "inventory/reservation", "pms_integration/pmsconnection", "pms_integration/pmsevent",
    "pms_integration/syncrun", "pms_integration/syncdifference", "pms_integration/pmsproduct",
    "pms_integration/pmsproductpush",
    "events/event", "access/apiclient", "auth/user", "axes/accessattempt",
)  # fmt: skip

TABS = 7


@pytest.fixture
def product() -> Product:
    User.objects.create_superuser("anna", password=PASSWORD)
    product = make_product("A-1", status="active")
    set_stock("A-1", make_location(), 10)
    make_connection()
    return product


def log_in(page: Page, base: str) -> None:
    page.goto(f"{base}/admin/login/")
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Last movements")).to_be_visible()


@pytest.mark.parametrize("pages", [FEW_PAGES, pytest.param(OTHER_PAGES, marks=pytest.mark.slow)], ids=["few", "others"])
def test_every_page_of_the_admin_keeps_to_its_policy(
    live_server: LiveServer, chromium: str, product: Product, pages: tuple[str, ...]
):
    admin = f"{live_server.url}/admin"
    names = [page.format(product=product.pk) for page in pages]
    with page_of(chromium) as first:
        log_in(first, live_server.url)
        errors = [errors_of(first)]
        # In tabs, each of which loads while the others wait to see that nothing more is loaded.
        for start in range(0, len(names), TABS):
            tabs = {name: first.context.new_page() for name in names[start : start + TABS]}
            for name, tab in tabs.items():
                errors.append(errors_of(tab))
                answer = tab.goto(f"{admin}/{name}/", wait_until="commit")
                assert (name, answer and answer.status) == (name, 200)
            for tab in tabs.values():
                tab.wait_for_load_state("networkidle")
                tab.close()

        assert [error for found in errors for error in found] == []


def test_the_parts_that_use_alpine_work(live_server: LiveServer, chromium: str, product: Product):
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.locator("#nav-sidebar [x-on\\:click*=openUserLinks]").first.click()
        page.get_by_text("Dark", exact=True).first.click()

        expect(page.locator("html")).to_have_class("dark")
        assert errors == []


def test_a_form_is_sent_and_answered(live_server: LiveServer, chromium: str, product: Product):
    with page_of(chromium) as page:
        errors = errors_of(page)
        log_in(page, live_server.url)
        page.goto(f"{live_server.url}/admin/products/product/{product.pk}/change/")
        page.locator("input[name=name]").fill("Desk lamp")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("was changed successfully").first).to_be_visible()
        assert errors == []

    product.refresh_from_db()
    assert product.name == "Desk lamp"


# tests/browser/test_docs.py does more with the page, and finds violations too.
@pytest.mark.slow
def test_the_docs_list_the_operations(live_server: LiveServer, chromium: str):
    with page_of(chromium) as page:
        errors = errors_of(page)
        page.goto(f"{live_server.url}/api/docs/", wait_until="networkidle")
        operation = page.locator("#operations-products-products_list, [id*='products_list']").first
        operation.click()

        expect(page.get_by_text("/api/v1/products/", exact=True).first).to_be_visible()
        expect(operation.get_by_text("page_size").first).to_be_visible()
        assert errors == []


def test_the_home_page_keeps_to_its_policy(live_server: LiveServer, chromium: str):
    with page_of(chromium) as page:
        errors = errors_of(page)
        page.goto(live_server.url, wait_until="networkidle")

        expect(page.get_by_role("link", name="Admin")).to_be_visible()
        # The style was not refused.
        assert page.evaluate("getComputedStyle(document.body).display") == "grid"
        assert [error for error in errors if "favicon" not in error and "404" not in error] == []


def test_a_locked_user_sees_why_and_the_page_keeps_to_its_policy(live_server: LiveServer, chromium: str, settings):
    settings.AXES_FAILURE_LIMIT = 1
    with page_of(chromium) as page:
        errors = errors_of(page)
        page.goto(f"{live_server.url}/admin/login/")
        page.get_by_label("Username").fill("anna")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()

        expect(page.get_by_text("Too many logins have failed.")).to_be_visible()
        assert [error for error in errors if "429" not in error] == []


@pytest.mark.parametrize(
    "path", ["/admin/login/", *(pytest.param(path, marks=pytest.mark.slow) for path in ("/", "/api/docs/"))]
)
def test_an_injected_script_does_not_run(live_server: LiveServer, chromium: str, path: str):
    with page_of(chromium) as page:
        errors = errors_of(page)
        page.goto(f"{live_server.url}{path}")
        page.evaluate("""() => {
            const script = document.createElement('script'); script.textContent = 'window.stolen = 1';
            document.body.append(script);
            const image = document.createElement('img'); image.setAttribute('onerror', 'window.stolen = 2');
            image.src = 'data:,x'; document.body.append(image);
            const other = document.createElement('script'); other.src = 'https://evil.example/x.js';
            document.body.append(other);
        }""")
        page.wait_for_timeout(300)

        assert page.evaluate("window.stolen") is None
        assert sum(error.startswith("CSP script-src") for error in errors) >= 3
