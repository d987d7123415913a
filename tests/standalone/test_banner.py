"""`make run` shows credentials on a terminal; in a log it names the file that has them."""

import json
import os
import pty
import signal
import subprocess
from typing import Any

from tests.standalone.running import FakeStack, wait_for


def secrets_of(stack: FakeStack, quickstart: dict[str, Any]) -> set[str]:
    """Every secret that outlives the stack: those for its users, and those for its own processes."""
    stored = json.loads((stack.data_dir / "secrets.json").read_text()).values()
    return {quickstart["admin"]["password"], quickstart["api_key"], quickstart["pms"]["webhook_secret"], *stored}


def test_a_log_has_no_secret_and_names_the_file(light_stack: FakeStack) -> None:
    quickstart = light_stack.start()
    secrets = secrets_of(light_stack, quickstart)
    light_stack.send(signal.SIGTERM)

    _, output, errors = light_stack.finish()

    assert [secret for secret in secrets if secret in output + errors] == []
    assert f"are in {light_stack.quickstart_path} while this runs" in output
    assert f"{quickstart['base_url']}/admin/\n" in output


def test_the_key_is_read_as_the_log_says(light_stack: FakeStack) -> None:
    quickstart = light_stack.start()
    path = light_stack.quickstart_path
    light_stack.send(signal.SIGTERM)
    _, output, _ = light_stack.finish()
    line = next(line for line in output.splitlines() if "KEY=" in line)
    path.write_text(json.dumps(quickstart))

    done = subprocess.run(("sh", "-c", f'{line}; echo "$KEY"'), capture_output=True, text=True, check=True)

    assert done.stdout == f"{quickstart['api_key']}\n"
    assert '-H "Authorization: Api-Key $KEY"' in output


def test_a_terminal_shows_what_one_begins_with(light_stack: FakeStack) -> None:
    ours, theirs = pty.openpty()
    try:
        quickstart = light_stack.start(output=theirs)
        os.close(theirs)
        shown = read_until(ours, "/api/v1/products/")
    finally:
        os.close(ours)

    assert f"/admin/    admin / {quickstart['admin']['password']}" in shown
    assert f'curl -H "Authorization: Api-Key {quickstart["api_key"]}"' in shown
    assert str(light_stack.quickstart_path) not in shown
    # Nobody types these.
    assert quickstart["pms"]["webhook_secret"] not in shown


def read_until(terminal: int, end: str) -> str:
    shown = ""

    def has_ended() -> bool:
        nonlocal shown
        shown += os.read(terminal, 10_000).decode()
        return end in shown

    wait_for(has_ended, end)
    return shown
