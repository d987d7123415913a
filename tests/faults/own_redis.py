"""A Redis of its own for a test that breaks it."""

import os
import signal
from pathlib import Path

from redis import Redis

from pms_backend.standalone.data_dir import DataDir
from pms_backend.standalone.embedded import create, make_redis, start_all
from pms_backend.standalone.processes import Processes
from pms_backend.standalone.program import Process


class OwnRedis:
    """A Redis that can be killed and started again at the same port."""

    def __init__(self, directory: Path) -> None:
        data_dir = DataDir(directory)
        create(data_dir)
        self.processes = Processes(data_dir)
        self.server = make_redis(data_dir, durable=False)
        self.url = self.server.url.removesuffix("/0")
        self.process: Process | None = None
        self.start()

    def start(self) -> None:
        (self.process,) = start_all((self.server,), self.processes)
        self.is_killed = False

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.processes.kill(self.process)
        self.is_killed = True

    def pause(self) -> None:
        """Stops the process, so that it accepts commands and does not reply."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def flush(self) -> None:
        Redis.from_url(self.url).flushall()
