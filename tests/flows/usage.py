"""What a running stack uses: memory, files and sockets of its processes, connections to its servers, metrics files."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

import psycopg
from redis import Redis

from tests.flows.stack import Stack
from tests.standalone.running import processes_of

# Programs that begin and end as they are needed; the others live as long as the stack.
SHORT_LIVED = ("products.images.decoder",)
SERVER_PROCESSES = ("postgres", "redis")
CLIENTS_OF_POSTGRES = """
SELECT application_name, count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1
"""


def sample(stack: Stack) -> Counter[str]:
    """The present figures; memory is in bytes, that of a program is the sum over its processes."""
    figures: Counter[str] = Counter()
    for pid in processes_of(stack.data_dir):
        with suppress(OSError):  # it has just ended
            figures += _of_process(pid)
    with psycopg.connect(stack.quickstart["database_url"]) as connection:
        for name, number in connection.execute(CLIENTS_OF_POSTGRES):
            figures[f"connections to PostgreSQL: {name}"] = number
    with Redis.from_url(stack.quickstart["redis_url"]) as redis:
        figures["connections to Redis"] = len(redis.client_list()) - 1
    metrics = [path.stat().st_size for path in (stack.data_dir / "run/metrics").iterdir()]
    figures["files of metrics"], figures["bytes of metrics"] = len(metrics), sum(metrics)
    return figures


def _of_process(pid: int) -> Counter[str]:
    proc = Path(f"/proc/{pid}")
    name = _program_of(proc)
    sizes = (line.split() for line in (proc / "smaps_rollup").read_text().splitlines()[1:])
    # Its own memory, swapped out or not. What it shares with files and with PostgreSQL's buffers has limits of its own.
    memory = sum(int(size[1]) * 1024 for size in sizes if size[0] in ("Pss_Anon:", "SwapPss:"))
    targets = []
    for descriptor in (proc / "fd").iterdir():
        with suppress(OSError):
            targets.append(str(descriptor.readlink()))
    sockets = sum(target.startswith("socket:") for target in targets)
    return Counter({
        f"memory: {name}": memory, f"processes: {name}": 1, f"sockets: {name}": sockets,
        f"files: {name}": len(targets) - sockets,
    })  # fmt: skip


def _program_of(proc: Path) -> str:
    command = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    for name in (*SHORT_LIVED, *SERVER_PROCESSES):
        if name in command.partition("--")[0]:
            return name
    settings = (proc / "environ").read_bytes().split(b"\0")
    return next((word[8:].decode() for word in settings if word.startswith(b"PROGRAM=")), "supervisor")
