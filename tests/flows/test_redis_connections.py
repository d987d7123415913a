"""The web processes of the running system hold as many connections to Redis as their threads need, and no more."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from pms_backend.standalone import proc
from pms_backend.standalone.programs import WEB_PROCESSES, WEB_THREADS
from tests.flows.stack import Stack

pytestmark = pytest.mark.stack

ESTABLISHED = "01"
ROUNDS = 3
CLIENTS = 20
# One for each cache, two for sending tasks.
PER_THREAD = len(settings.CACHES) + 2
# The readiness check has one of its own.
PER_PROCESS = 1


def connections_of(pids: list[int], port: int) -> int:
    """How many connections to this port the processes hold, as the kernel has it."""
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    to_port = {row[9] for row in table if int(row[2].rpartition(":")[2], 16) == port and row[3] == ESTABLISHED}
    return sum(inode in to_port for pid in pids for inode in sockets_of(pid))


def sockets_of(pid: int) -> list[str]:
    """The inodes of its sockets."""
    targets = [
        str(descriptor.readlink()) for descriptor in Path(f"/proc/{pid}/fd").iterdir() if descriptor.is_symlink()
    ]
    return [target.removeprefix("socket:[").removesuffix("]") for target in targets if target.startswith("socket:")]


@pytest.mark.parametrize("request_count", [100, pytest.param(300, marks=pytest.mark.slow)])
def test_they_do_not_grow_with_the_requests(stack: Stack, request_count: int) -> None:
    (group,) = stack.pids("web")
    port = urlsplit(stack.quickstart["redis_url"]).port
    sku = f"REDIS-{request_count}"
    variants = [{"sku": sku, "price": "1.00", "currency": "EUR"}]
    stack.call("POST", "/products/", json={"name": "Lamp", "status": "active", "variants": variants})

    def ask(number: int) -> None:
        stack.call("GET", "/products/", params={"page_size": 1 + number % 50})
        change = {"sku": sku, "location": "main", "delta": 1, "reason": "receipt"}
        stack.call("POST", "/inventory/adjustments/", json=change)

    counts = []
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(ask, range(request_count)))
        counts.append(connections_of(proc.group_members(group), port or 0))

    assert min(counts) > 0
    assert max(counts) <= WEB_PROCESSES * (WEB_THREADS * PER_THREAD + PER_PROCESS), counts
