"""One list holds the commands of the stack: `make run`, the image and docker compose all start the programs from it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from pms_backend.standalone import PROJECT
from pms_backend.standalone.configuration import Configuration
from pms_backend.standalone.programs import MANAGE, find_command, stack_of
from tests.ports import free_port_pair
from tests.standalone.running import wait_for
from tests.web_process import command_of, wait_until_it_answers

ENTRY_POINT = ("python", "-m", "pms_backend.standalone.programs")
STACK = stack_of(Configuration.from_environment({}))
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        (sys.executable, *ENTRY_POINT[1:], *arguments), cwd=PROJECT, env={**os.environ, **environment}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


def instruction(name: str) -> list[str]:
    """The value of an instruction in the Dockerfile."""
    line = next(line for line in (PROJECT / "Dockerfile").read_text().splitlines() if line.startswith(f"{name} "))
    return json.loads(line.removeprefix(name))


def test_every_service_of_ours_runs_the_program_of_its_name():
    ours = {name: service for name, service in SERVICES.items() if service["image"] == "pms-backend"}

    assert {name: service["command"] for name, service in ours.items()} == {
        program.name: [program.name] for program in (STACK.migrate, *STACK.programs)
    }
    assert [name for name, service in ours.items() if "entrypoint" in service] == []


def test_the_image_starts_programs_by_their_names_and_the_web_server_without_one():
    assert instruction("ENTRYPOINT") == [*ENTRY_POINT]
    assert instruction("CMD") == ["web"]


def test_docker_compose_sets_the_addresses_that_its_proxy_and_its_health_checks_use():
    caddy = (PROJECT / "deploy/Caddyfile").read_text()
    environment: Mapping[str, Any] = SERVICES["sockets"]["environment"]

    assert SERVICES["web"]["environment"].items() >= environment.items()
    assert environment["HOST"] == "0.0.0.0"
    assert f"reverse_proxy web:{environment['PORT']} " in caddy
    assert f"reverse_proxy sockets:{environment['WS_PORT']}\n" in caddy
    assert f"else {environment['PORT']}\n" in (PROJECT / "deploy/healthcheck.py").read_text()
    assert SERVICES["sockets"]["healthcheck"]["test"][-2:] == ["deploy/healthcheck.py", str(environment["WS_PORT"])]


@pytest.mark.parametrize(("host", "address"), [("0.0.0.0", "0.0.0.0:80"), ("::", "[::]:80")])
def test_the_web_server_listens_at_host_and_port(host: str, address: str):
    configuration = Configuration.from_environment({"HOST": host, "PORT": "80"})

    assert find_command(["web"], configuration)[-2:] == ("--bind", address)
    assert find_command(["migrate"], configuration) == (*MANAGE, "migrate", "--noinput")


def test_the_process_becomes_the_program_and_stops_when_it_is_asked_to(tmp_path: Path):
    port = str(free_port_pair())

    with started("web", PORT=port, DATA_DIR=str(tmp_path), METRICS_DIR=str(tmp_path)) as process:
        wait_until_it_answers(int(port))
        command = command_of(process.pid)
        process.terminate()
        wait_for(lambda: process.poll() is not None, "the end of the web server")

    assert "-m gunicorn pms_backend.wsgi:application" in command
    assert process.returncode == 0


def test_any_other_command_runs_as_it_is_given():
    with started(sys.executable, "-c", "import sys; print(sys.argv[1:]); sys.exit(3)", "web") as process:
        output, _ = process.communicate()

    assert (output, process.returncode) == ("['web']\n", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["wbe"], "wbe: No such file or directory"), ([], "the name of a program is needed, such as web")],
)
def test_a_missing_command_is_a_one_line_error(arguments: list[str], message: str):
    with started(*arguments) as process:
        _, errors = process.communicate()

    assert (errors, process.returncode) == (f"error: {message}\n", 1)
