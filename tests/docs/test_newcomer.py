"""A newcomer follows the README and each page in an empty directory, line by line, and everything works as written."""

import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import pytest
from cryptography.fernet import Fernet

from tests.docs.newcomer import Newcomer
from tests.docs.pages import PAGES, blocks_of
from tests.ports import free_port_pair

pytestmark = [pytest.mark.stack, pytest.mark.slow]

README: Final = "README.md"
# The README names this one for a stack that calls the PMS of the demo, the API guide for its examples.
START: Final = "OUTBOUND_ALLOW=127.0.0.1 make run"
WATCH_SECONDS: Final = 20


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Somebody with a clone, whose stack runs."""
    somebody = Newcomer(tmp_path_factory.mktemp("newcomer"), python=True)
    with somebody.running(START) as somebody.banner:
        yield somebody


def readme(beginning: str) -> str:
    """The README's block that begins so."""
    return next(block.text for block in blocks_of(README) if block.text.startswith(beginning))


def quickstart(newcomer: Newcomer) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads((newcomer.clone / ".data/quickstart.json").read_bytes())
    return content


def banner_lines(newcomer: Newcomer) -> str:
    """What the start says to try."""
    lines = [line.strip() for line in newcomer.banner.splitlines()]
    return "\n".join(line for line in lines if line.startswith(("KEY=", "curl ")))


def test_the_lines_that_the_start_prints_show_the_products(newcomer: Newcomer) -> None:
    done = newcomer.run(banner_lines(newcomer))

    assert len(orjson.loads(done.stdout)["results"]) > 20


def test_the_printed_pages_open_and_the_user_can_sign_in(newcomer: Newcomer) -> None:
    base, user = quickstart(newcomer)["base_url"], quickstart(newcomer)["admin"]
    with httpx.Client(base_url=base, follow_redirects=True, headers={"Referer": f"{base}/admin/login/"}) as browser:
        guide, login = browser.get("/api/docs/"), browser.get("/admin/")
        token = browser.cookies["csrftoken"]
        home = browser.post("/admin/login/?next=/admin/", data={**user, "csrfmiddlewaretoken": token})

    assert (guide.status_code, login.status_code) == (200, 200)
    assert (home.status_code, home.url.path) == (200, "/admin/")


def test_the_stock_is_watched_from_a_second_terminal(newcomer: Newcomer) -> None:
    stack = quickstart(newcomer)
    change = {"sku": "BR-BOOT", "location": "main", "delta": 1, "reason": "receipt"}

    with ThreadPoolExecutor() as terminals:
        watching = terminals.submit(newcomer.run, readme(".venv/bin/python - <<"), WATCH_SECONDS)
        while not watching.done():
            httpx.post(
                f"{stack['base_url']}/api/v1/inventory/adjustments/",
                json=change,
                headers={"X-Api-Key": stack["api_key"]},
            ).raise_for_status()
            time.sleep(1)

    assert watching.result().code is None, watching.result().stderr
    assert '"type":"snapshot"' in watching.result().stdout
    assert '"type":"stock.changed"' in watching.result().stdout


@pytest.mark.parametrize("command", ["make demo", ".venv/bin/python manage.py audit_stock", "make help"])
def test_a_command_of_the_readme_ends_well(newcomer: Newcomer, command: str) -> None:
    done = newcomer.run(command)

    assert done.code == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_a_second_copy_runs_beside_the_first(newcomer: Newcomer) -> None:
    port = str(free_port_pair())

    with newcomer.running(readme("DATA_DIR=").replace("8100", port)) as banner:
        assert f"http://127.0.0.1:{port}/api/v1/" in banner


def test_an_env_that_is_filled_in_as_the_example_says_serves_the_start_and_manage_py(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path, python=True)
    key = Fernet.generate_key().decode()
    example = (newcomer.clone / ".env.example").read_text()
    filled = example.replace("\nFIELD_ENCRYPTION_KEYS=\n", f"\nFIELD_ENCRYPTION_KEYS={key}\n")
    filled = re.sub(r"(?m)^([A-Z_]+)=$", r"\1=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", filled)
    (newcomer.clone / ".env").write_text(f"{filled}\nPORT={newcomer.port}\nTIME_ZONE=Europe/Berlin\n")
    del newcomer.environment["PORT"]
    asked = "from django.conf import settings as s; print(s.TIME_ZONE, s.SECRET_KEY[:10], s.PUBLIC_WS_PORT)"

    with newcomer.running("make run") as newcomer.banner:
        products = newcomer.run(f"{banner_lines(newcomer)}\n.venv/bin/python manage.py audit_stock")
        settings = newcomer.run(f".venv/bin/python manage.py shell --no-imports -v 0 -c '{asked}'")

    assert f"http://127.0.0.1:{newcomer.port}/admin/" in newcomer.banner
    assert (products.code, settings.code) == (0, 0), products.stderr + settings.stderr
    assert settings.stdout.split() == ["Europe/Berlin", "0123456789", str(newcomer.port + 1)]


@pytest.mark.parametrize("page", [page for page in PAGES if page != README and any(b.is_run for b in blocks_of(page))])
def test_a_page_works_as_written(newcomer: Newcomer, page: str) -> None:
    assert newcomer.follow(page) == []


def test_a_fresh_clone_installs_what_it_needs_and_runs(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path, python=False)
    package = (newcomer.clone / "requirements.txt").read_text().splitlines()[0]
    asked = subprocess.run(
        ["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(tmp_path / "asked"), package],
        check=False, capture_output=True,
    )  # fmt: skip
    if asked.returncode != 0:
        pytest.skip("The package index cannot be reached.")

    with newcomer.running("make run") as banner:
        assert f"http://127.0.0.1:{newcomer.port}/api/v1/" in banner
