"""Counts of all processes of a directory add up, whatever becomes of the processes."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pms_backend.metrics.reading import totals
from tests.metrics_process import CountingProcess

PUBLISHED = "pms_events_published_total"
SOCKETS = "pms_socket_connections"
Start = Callable[[], CountingProcess]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a process that counts; this one reads."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with ExitStack() as stack:

        def start() -> CountingProcess:
            started = CountingProcess(tmp_path)
            stack.callback(started.end)
            return started

        yield start


def total(sample: str) -> float:
    return sum(totals([sample])[sample].values())


def test_the_counts_of_a_killed_process_stay_and_the_next_one_continues_them(start: Start, tmp_path: Path):
    other = start()
    other.run("metrics.events_published_total.inc(1000)")
    files = []

    for number in (1, 2):
        process = start()
        process.run("metrics.events_published_total.inc(7)")
        process.run("metrics.request_seconds.labels('/', 'GET').observe(0.01)")
        process.kill()

        assert total(PUBLISHED) == 1000 + 7 * number
        assert total("pms_http_request_seconds_count") == number
        files.append(sorted(tmp_path.iterdir()))

    assert files[0] == files[1]


def test_what_a_killed_process_had_open_is_not_open_nor_does_its_successor_have_it(start: Start):
    alive, killed = start(), start()
    alive.run("metrics.socket_connections.inc(3)")
    killed.run("metrics.socket_connections.inc(5)")
    before = total(SOCKETS)

    killed.kill()

    assert (before, total(SOCKETS)) == (8, 3)
    killed = start()
    killed.run("metrics.socket_connections.inc(5)")
    killed.kill()
    start().run("metrics.socket_connections.inc(1)")
    assert total(SOCKETS) == 4


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root makes namespaces of process ids.")
def test_processes_of_two_containers_have_the_same_id_and_files_of_their_own(tmp_path: Path, start: Start):
    in_a_container = ("unshare", "--pid", "--fork", "--mount-proc")
    containers = [CountingProcess(tmp_path, *in_a_container) for _ in range(2)]
    for container in containers:
        container.run("assert os.getpid() == 1")
        container.run("metrics.events_published_total.inc(10)")
        container.run("metrics.socket_connections.inc(1)")
    before = total(SOCKETS)

    for container in containers:
        container.end()

    assert (total(PUBLISHED), before, total(SOCKETS)) == (20, 2, 0)


def test_a_forked_process_counts_by_itself(start: Start):
    parent = start()
    parent.run("metrics.events_published_total.inc(10)")
    parent.run("has_counted, lives = os.pipe(), os.pipe()")
    parent.run(
        "exec('if not os.fork(): metrics.events_published_total.inc(1); metrics.socket_connections.inc(2); "
        "os.close(lives[1]); os.write(has_counted[1], bytes(1)); os.read(lives[0], 1); os._exit(0)')"
    )
    parent.run("os.read(has_counted[0], 1)")

    parent.run("metrics.events_published_total.inc(100)")

    assert (total(PUBLISHED), total(SOCKETS)) == (111, 2)


def test_a_file_is_never_sparse_however_many_series_it_has(start: Start, tmp_path: Path):
    process = start()

    process.run("[metrics.requests_total.labels(f'/{n}', 'GET', '2xx', 'default').inc() for n in range(1500)]")

    counters = next(tmp_path.glob("counter_*.db")).stat()
    assert counters.st_size >= 2 * 128 * 1024
    assert counters.st_blocks * 512 >= counters.st_size
    assert total("pms_http_requests_total") == 1500
