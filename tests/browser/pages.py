"""A page of Debian's chromium, with the violations of its Content-Security-Policy."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright

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
def page_of(chromium: str) -> Iterator[Page]:
    """A page. Within, the thread runs Playwright's event loop: the database is for before and after."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_init_script(_REPORT)
        yield context.new_page()
        browser.close()


def errors_of(page: Page) -> list[str]:
    """What the page's console complains of from now on, violations of the policy among it."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return errors
