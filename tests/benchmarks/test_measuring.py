"""How a round is measured: the order of the rounds, the processors' time, and the load generators."""

import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from benchmarks.generator import Requests, drive
from benchmarks.load import SCRIPT, wrk_version
from benchmarks.measure import Load, Side, in_turn
from benchmarks.request_file import read_requests, write_requests
from benchmarks.usage import Programs, memory_mb

RESERVE, OTHER = b"POST /reserve HTTP/1.1\r\n\r\n", b"POST /other HTTP/1.1\r\n\r\n"
COMMIT = b"POST /commit/{id} HTTP/1.1\r\n\r\n"


@dataclass
class Answering:
    """A server that gives a new id to each reservation, answers 500 to others, and notes the paths."""

    port: int = 0
    paths: list[bytes] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def answer(self, request: bytes) -> bytes:
        path = request.split()[1]
        self.paths.append(path)
        if path == b"/other":
            return b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"
        status, body = (b"201 Created", b'{"id": %d}' % next(self.ids)) if path == b"/reserve" else (b"200 OK", b"{}")
        return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._converse, args=(listener.accept()[0],), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while request := connection.recv(65_536):
                connection.sendall(self.answer(request))


@pytest.fixture
def server() -> Iterator[Answering]:
    answering = Answering()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        answering.port = listener.getsockname()[1]
        threading.Thread(target=answering.serve, args=(listener,), daemon=True).start()
        yield answering
        # Ends the thread that waits in `accept`.
        listener.shutdown(socket.SHUT_RDWR)


def test_the_sides_take_turns_and_the_first_round_only_warms_up():
    calls: list[tuple[str, float]] = []

    def side(name: str, rates: list[int]) -> Side:
        def run(seconds: float) -> Load:
            calls.append((name, seconds))
            rate = rates.pop(0)
            return Load(rate, 1, p99_ms=rate, failures=int(rate == 1_000), failure="It was cold.")

        return Side(run, Programs({}))

    measured = in_turn({"a": side("a", [1_000, 3, 1, 2]), "b": side("b", [5, 6, 6, 6])}, rounds=3, seconds=4)

    assert calls == [("a", 1), ("b", 1), *[("a", 4), ("b", 4)] * 3]
    assert (measured["a"].rates, measured["a"].rate, measured["a"].p99_ms) == ([3, 1, 2], 2, 2)
    assert (measured["a"].failures, measured["a"].failure) == (1, "It was cold.")
    assert (measured["b"].rates, measured["b"].failures) == ([6, 6, 6], 0)


def test_the_time_and_the_memory_of_child_processes_count():
    program = "import time; print(flush=True)\nwhile time.process_time() < 0.2: pass\ninput()"
    command = ("sh", "-c", f"{sys.executable} -c '{program}'; true")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        programs, deadline = Programs({"busy": process.pid}), time.monotonic() + 30
        while programs.processor_seconds()["busy"] < 0.18:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        used = memory_mb(process.pid)

    assert used["rss"] > used["pss"] > 3
    assert memory_mb(os.getpid())["pss"] > 10


def test_requests_are_stored_with_their_bytes(tmp_path: Path):
    requests = [b"GET / HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n1\n2\n\x00\xff", b"x"]

    write_requests(tmp_path / "file", requests)

    assert list(read_requests(tmp_path / "file")) == requests


def test_the_generator_sends_each_request_and_then_again(server: Answering):
    found = drive(server.port, Requests([RESERVE, OTHER], in_pairs=False), clients=1, seconds=0.1)

    assert server.paths[:4] == [b"/reserve", b"/other", b"/reserve", b"/other"]
    assert found["requests"] == len(server.paths)
    assert found["refused"] == len(server.paths) // 2
    assert found["reused"] == len(server.paths) - 2
    assert found["failure"] == "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"


def test_the_generator_commits_what_it_has_reserved(server: Answering):
    drive(server.port, Requests([RESERVE, COMMIT], in_pairs=True), clients=2, seconds=0.1)

    check_pairs(server.paths, clients=2)


@pytest.mark.slow
@pytest.mark.skipif(wrk_version() is None, reason="wrk is not installed")
def test_wrk_commits_what_it_has_reserved(server: Answering, tmp_path: Path):
    write_requests(tmp_path / "file", [RESERVE, COMMIT])
    url = f"http://127.0.0.1:{server.port}"

    command = ("wrk", "-t1", "-c2", "-d1s", "-s", SCRIPT, url, "--", tmp_path / "file", "in-pairs")
    found = orjson.loads(subprocess.run(command, capture_output=True, check=True).stdout.splitlines()[-1])

    check_pairs(server.paths, clients=2)
    assert found["requests"] == pytest.approx(len(server.paths), abs=2)
    assert (found["refused"], found["broken"]) == (0, 0)
    assert 0 < found["p50_ms"] <= found["p99_ms"]


def check_pairs(paths: list[bytes], *, clients: int) -> None:
    """Each reservation is committed once, but for those whose answers came after the end."""
    committed = [path for path in paths if path != b"/reserve"]
    assert len(committed) > 3
    assert len(set(committed)) == len(committed)
    assert 0 <= paths.count(b"/reserve") - len(committed) <= clients
