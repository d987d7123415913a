"""A page of Debian's chromium, with the violations of its Content-Security-Policy."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import ConsoleMessage, Page, sync_playwright

from tests.staff import PASSWORD, logged_in

# In a container there is neither a sandbox nor a graphics card; the rest keeps chromium from calling home.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TICKETS = "/api/v1/realtime/tickets/"
# Reported by the browser itself, whatever the page's scripts do.
_REPORT = """
document.addEventListener('securitypolicyviolation', event =>
    console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))
"""


def find_chromium() -> str:
    """Its path; without one there is nothing to test with."""
    found = shutil.which("chromium")
    if found is None:
        reason = "There is no chromium: the browser tests are left out (REQUIRE_BROWSER=1 makes this an error)."
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def page_of(chromium: str, *, with_sockets: bool = False) -> Iterator[Page]:
    """A page. Within, the thread runs Playwright's event loop: the database is for before and after.

    Live pages of the admin say that they are not live, unless the test has a socket server.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_init_script(_REPORT)
        if not with_sockets:
            # Without a socket server a live page would try to connect until the end of the test.
            context.route(f"**{TICKETS}", lambda route: route.fulfill(status=403))
        yield context.new_page()
        browser.close()


def errors_of(page: Page) -> list[str]:
    """What the page's console complains of from now on, violations of the policy among it.

    Not that a socket was lost or a ticket refused, of which the browser itself complains.
    """
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        is_of_socket = TICKETS in message.location["url"] or message.text.startswith("WebSocket connection to")
        if message.type == "error" and not is_of_socket:
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors


def session_of(name: str, role: str) -> str:
    """The session of a new member of staff with this role."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return logged_in(name).cookies["sessionid"].value


def become(page: Page, base: str, session: str) -> None:
    """Hands the browser over to the person of this session."""
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": base}])


def answer_after(page: Page, milliseconds: int) -> None:
    """Makes the network as slow as a warehouse's: what is typed meanwhile must not be lost."""
    conditions = {"offline": False, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)
