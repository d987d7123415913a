"""Finds the browser, once."""

import pytest

from tests.browser.pages import find_chromium


@pytest.fixture
def chromium() -> str:
    """Debian's chromium; the test is left out where there is none."""
    return find_chromium()
