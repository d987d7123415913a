"""Pictures of the pages: `make screenshots`. Its name keeps it out of the tests."""

import io
from pathlib import Path
from typing import Final

import pytest
from PIL import Image
from pytest_django.live_server_helper import LiveServer

from tests.browser.admin_pages import make_world
from tests.browser.pages import page_of
from tests.browser.stock_pages import SIZES
from tests.browser.test_content_security import log_in
from tests.faults.celery_processes import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ALL: Final = Path(ROOT) / ".data" / "screenshots"
# Those that README and docs show.
BEST: Final = Path(ROOT) / "docs" / "screenshots"
SHOWN: Final = frozenset(
    {
        *("dashboard-1280", "levels-1280", "levels-390", "level-1280", "scan-820", "count-sheet-820"),
        *("active-products-1280", "draft-1280", "preview-changed-1280", "endpoint-1280"),
    }
)
# More makes no visible difference on these pages.
COLOURS: Final = 128
MAX_BYTES: Final = 150_000


def test_take_pictures(live_server: LiveServer, chromium: str):
    addresses = make_world()
    for directory in (ALL, BEST):
        directory.mkdir(parents=True, exist_ok=True)
    with page_of(chromium) as page:
        log_in(page, live_server.url)
        for name, address in addresses.items():
            page.goto(f"{live_server.url}{address}", wait_until="networkidle")
            for width, height in SIZES.items():
                page.set_viewport_size({"width": width, "height": height})
                page.evaluate("document.fonts.ready")
                store(f"{name}-{width}", page.screenshot())


def store(name: str, picture: bytes) -> None:
    """Stores a picture, made small."""
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(small, "PNG", optimize=True)
    (ALL / f"{name}.png").write_bytes(small.getvalue())
    if name in SHOWN:
        assert len(small.getvalue()) <= MAX_BYTES
        (BEST / f"{name}.png").write_bytes(small.getvalue())
