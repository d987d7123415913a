"""The log of a system that runs without a terminal."""

import pytest

from pms_backend.standalone.data_dir import read_json
from tests.flows.stack import Stack

pytestmark = pytest.mark.stack


def test_the_log_has_no_lasting_secret(stack: Stack) -> None:
    ready = stack.quickstart
    given = {ready["admin"]["password"], ready["api_key"], ready["pms"]["webhook_secret"]}
    stored = set(read_json(stack.data_dir / "secrets.json").values())
    stack.call("GET", "/products/")

    log = stack.log.read_text()

    assert "Ready after" in log
    assert len(stored) >= 4
    assert [secret for secret in given | stored if secret in log] == []
