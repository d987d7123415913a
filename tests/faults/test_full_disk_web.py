"""The web server on a disk that fills up: it responds, logs once a second, and recovers."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import httpx
import pytest

from pms_backend.access.models import INTERNAL_TIER
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from products.models import ProductImage
from tests.factories import make_product
from tests.faults.small_disk import small_disk
from tests.products.pictures import picture
from tests.web_process import descendants, web_server

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

SECONDS: Final = 2.0
CLIENTS: Final = 4


def test_uploads_are_507_and_one_line_a_second(tmp_path: Path):
    url = f"/api/v1/products/{make_product('A-1').pk}/images/"
    headers = {"X-Api-Key": create_api_client(name="t", scopes=ALL_SCOPES, tier=INTERNAL_TIER).api_key}
    large = picture("PNG").ljust(3 * 1024 * 1024, b"\0")

    def upload(client: httpx.Client, content: bytes) -> httpx.Response:
        return client.post(url, files={"file": ("a.png", content)}, headers=headers)

    def upload_again_and_again(_: int) -> list[httpx.Response]:
        with httpx.Client(base_url=server.base_url, timeout=60) as client:
            answers = []
            while time.monotonic() < ends_at:
                answers.append(upload(client, large))
            return answers

    with small_disk(tmp_path / "disk") as disk:
        (disk.path / "run").mkdir()
        # Without a line for each request.
        own = {"METRICS_DIR": str(disk.path / "run" / "metrics"), "LOG_LEVEL": "WARNING"}
        with web_server(disk.path, log=tmp_path / "log", **own) as server:
            processes = descendants(server.pid)
            before = (tmp_path / "log").read_text()
            disk.fill()
            began = time.monotonic()
            ends_at = began + SECONDS
            with ThreadPoolExecutor(CLIENTS) as threads:
                answers = [one for some in threads.map(upload_again_and_again, range(CLIENTS)) for one in some]
            seconds = time.monotonic() - began
            alive = httpx.get(f"{server.base_url}/health/live").status_code
            disk.free()
            with httpx.Client(base_url=server.base_url, timeout=60) as client:
                taken = upload(client, large)

            assert descendants(server.pid) == processes

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} <= {
        (507, "insufficient_storage"),
        # Where the body was spooled to another disk, the request reached the decoder's lock.
        (503, "image_decoder_busy"),
    }
    refused = [line for line in lines_of(tmp_path / "log", before) if "Answered 507" in line]
    assert sum(answer.status_code == 507 for answer in answers) > len(refused) > 0
    assert len(refused) <= seconds + 1
    # Of the other kind as many; and nothing else.
    assert len(lines_of(tmp_path / "log", before)) <= 2 * (seconds + 1)
    assert (alive, taken.status_code, ProductImage.objects.count()) == (200, 201, 1)


def lines_of(log: Path, before: str) -> list[str]:
    return log.read_text().removeprefix(before).splitlines()
