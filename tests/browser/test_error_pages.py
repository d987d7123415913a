"""The admin's error pages, in a real browser."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.pages import errors_of, page_of
from tests.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_missing_page_says_so_and_leads_back(live_server: LiveServer, chromium: str) -> None:
    User.objects.create_superuser("anna", password=PASSWORD)

    with page_of(chromium) as page:
        page.goto(f"{live_server.url}/admin/nothing/")
        page.get_by_label("Username").fill("anna")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="There is nothing at this address").last).to_be_visible()
        errors = errors_of(page)
        answer = page.reload(wait_until="networkidle")

        assert answer is not None
        expect(page.get_by_text(answer.headers["x-request-id"])).to_be_visible()
        page.get_by_role("link", name="To the dashboard").click()
        expect(page).to_have_url(f"{live_server.url}/admin/")

    # The browser itself names the answer that is no success.
    assert [error for error in errors if "404" not in error] == []
