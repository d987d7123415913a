"""The examples of docs/request-signing.md work as written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inventory.models import StockMovement
from pms_backend.access.services import create_api_client
from tests.factories import make_location, make_variant

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "request-signing.md"
RUNNERS = {"python": [sys.executable, "-c"], "sh": ["bash", "-c"]}


def example(language: str) -> str:
    """The last block in that language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[-1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("language", RUNNERS)
def test_an_example_adjusts_stock(language: str, live_server):
    make_variant("BR-BOOT")
    make_location("main")
    made = create_api_client(name="till", scopes=["inventory:write"], signing=True)
    environment = {
        **os.environ,
        "BASE": f"{live_server.url}/api/v1",
        "KEY": made.api_key,
        "SIGNING_KEY_ID": made.signing_key_id,
        "SIGNING_KEY": made.signing_key,
        "NO_PROXY": "*",
    }

    run = subprocess.run(
        [*RUNNERS[language], example(language)], env=environment, capture_output=True, text=True, check=True
    )

    assert StockMovement.objects.get().actor == "client:till", run.stdout + run.stderr
