"""The web processes together: they share the clients, and one that ends is replaced."""

import os
import signal
import socket
import statistics
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.web_process import wait_until_it_answers, web_server
from tests.web_server.running import request

pytestmark = [pytest.mark.stack, pytest.mark.django_db(transaction=True)]

CLIENTS = 16
# By chance alone one process would often have 12 and more of them; all 16 went to one before they were shared.
FEWEST = 4
WAIT_SECONDS = 10


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def clients_of(pid: int, inodes: set[str]) -> int:
    """How many of these sockets the process has open."""
    found = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += str(file.readlink()).removeprefix("socket:[").removesuffix("]") in inodes
        except FileNotFoundError:
            continue
    return found


def accepted_at(port: int) -> set[str]:
    """The inodes of the established sockets at this port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if int(row[1].partition(":")[2], 16) == port and row[3] == "01"}


def share_of(port: int, pid: int) -> Counter[int]:
    """How many of the new clients each process accepts."""
    with ExitStack() as stack:
        for _ in range(CLIENTS):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            inodes = accepted_at(port)
            share = Counter({child: clients_of(child, inodes) for child in children_of(pid)})
            if share.total() == CLIENTS:
                return share
            assert time.monotonic() < deadline, share
            time.sleep(0.05)


def test_the_processes_share_the_clients(tmp_path: Path):
    with web_server(tmp_path) as server:
        port, pid = server.port, server.pid
        deadline = time.monotonic() + WAIT_SECONDS
        # The second process may still be on its way.
        while len(share := share_of(port, pid)) < 2 or not min(share.values()):
            assert time.monotonic() < deadline, share

        assert statistics.median(min(share_of(port, pid).values()) for _ in range(5)) >= FEWEST


def test_a_killed_process_is_replaced(tmp_path: Path):
    with web_server(tmp_path) as server:
        port, pid = server.port, server.pid
        killed = children_of(pid)[0]

        os.kill(killed, signal.SIGKILL)
        wait_until_it_answers(port)
        deadline = time.monotonic() + WAIT_SECONDS
        while len(set(children_of(pid)) - {killed}) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)

        assert request(port, "GET", "/health/live").status == 200
